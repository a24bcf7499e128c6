/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Driver for EpfTest's virtual PCIe endpoint controller: definitions shared by its parts.
 */
#ifndef PCIE_QEMU_EP_H
#define PCIE_QEMU_EP_H

#include <linux/completion.h>
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/types.h>

#include "pcie-qemu-ep-compat.h"
#include "pcie-qemu-ep-regs.h"

#define QEMU_EP_NAME			"pcie-qemu-ep"

/* Index of the mapped window among the framework's; without a mapped window there are two */
#define QEMU_EP_WINDOW_MAPPED		1

/* MSI-X vectors; the doorbell's and the mapped window's follow those of the DMA channels */
#define QEMU_EP_VECTOR_EVENT		0
#define QEMU_EP_VECTOR_DMA(channel)	(1 + (channel))

struct qemu_ep_window;

/**
 * struct qemu_ep_outbound - an outbound translation
 * @base: start of the caller's mapping, which identifies it when it is removed; all translations of
 *	one map_msi_irq() call share it
 * @used: the entry is in use
 * @mapped: the translation belongs to the mapped window
 */
struct qemu_ep_outbound {
	phys_addr_t base;
	bool used;
	bool mapped;
};

/**
 * struct qemu_ep_function - a function block
 * @regs: its registers
 * @bars: bit n is set while BAR n is set up
 * @func_no: physical function number
 * @vfunc_no: virtual function number, 0 for the physical function
 */
struct qemu_ep_function {
	void __iomem *regs;
	unsigned long bars;
	u8 func_no;
	u8 vfunc_no;
};

/**
 * struct qemu_ep - an endpoint controller
 * @pdev: the PCI device, as the EP guest sees the controller
 * @epc: the endpoint framework's controller
 * @regs: BAR0
 * @caps: the FEATURES register
 * @features: the same for the endpoint framework
 * @functions: the function blocks
 * @num_functions: number of blocks
 * @max_functions: number of physical functions
 * @vfs: virtual functions for each physical function
 * @num_outbounds: entries in @outbounds
 * @num_inbounds: maximum number of inbound translations of a BAR
 * @num_channels: DMA channels
 * @max_map: largest mapping that an outbound window can hold, in bytes
 * @window: the mapped window, or NULL without one or after its device was removed
 * @window_base: address of the mapped window, valid even after its device was removed
 * @window_size: its size in bytes, 0 if there never was one
 * @window_virt: this driver's mapping of it, or NULL
 * @window_taken: the free parts of the mapped window while they are withheld from the framework,
 *	else NULL
 * @window_changed: completed by the mapped window's interrupt
 * @lock: serialises each staged set and the read of its result, and protects @outbounds,
 *	@functions' state, @started, @initialized and @window
 * @outbounds: the outbound translations
 * @started: pci_epc_start() requested the link
 * @initialized: endpoint functions were notified that they can use the controller
 * @link_up: endpoint functions were notified that the link is up; used by the event thread only
 */
struct qemu_ep {
	struct pci_dev *pdev;
	struct pci_epc *epc;
	void __iomem *regs;
	u64 caps;
	struct pci_epc_features features;
	struct qemu_ep_function *functions;
	unsigned int num_functions;
	unsigned int max_functions;
	unsigned int vfs;
	unsigned int num_outbounds;
	unsigned int num_inbounds;
	unsigned int num_channels;
	size_t max_map;
	struct qemu_ep_window *window;
	phys_addr_t window_base;
	size_t window_size;
	void __iomem *window_virt;
	unsigned long *window_taken;
	struct completion window_changed;
	struct mutex lock; /* see above */
	struct qemu_ep_outbound *outbounds;
	bool started;
	bool initialized;
	bool link_up;
};

static inline int qemu_ep_doorbell_irq(struct qemu_ep *ep)
{
	return pci_irq_vector(ep->pdev, QEMU_EP_VECTOR_DMA(ep->num_channels));
}

static inline int qemu_ep_window_irq(struct qemu_ep *ep)
{
	return pci_irq_vector(ep->pdev, QEMU_EP_VECTOR_DMA(ep->num_channels) + 1);
}

extern const struct pci_epc_ops qemu_ep_epc_ops;

void qemu_ep_init_features(struct qemu_ep *ep);
void qemu_ep_link_enable(struct qemu_ep *ep);
void qemu_ep_quiesce(struct qemu_ep *ep);
void qemu_ep_window_enable(struct qemu_ep *ep);
void qemu_ep_window_disable(struct qemu_ep *ep);

#if IS_ENABLED(CONFIG_DMA_ENGINE)
int qemu_ep_dma_init(struct qemu_ep *ep);
#else
static inline int qemu_ep_dma_init(struct qemu_ep *ep)
{
	return 0;
}
#endif

#if IS_ENABLED(CONFIG_VIRTIO) && defined(EPC_HAS_ALIGN_ADDR)
int qemu_ep_window_register(void);
void qemu_ep_window_unregister(void);
void qemu_ep_window_claim(struct qemu_ep *ep);
void qemu_ep_window_release(struct qemu_ep *ep);
#else
static inline int qemu_ep_window_register(void)
{
	return 0;
}

static inline void qemu_ep_window_unregister(void)
{
}

static inline void qemu_ep_window_claim(struct qemu_ep *ep)
{
}

static inline void qemu_ep_window_release(struct qemu_ep *ep)
{
}
#endif

#endif /* PCIE_QEMU_EP_H */

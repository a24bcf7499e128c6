/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Driver for EpfTest's virtual PCIe endpoint controller: what its parts share.
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

/* The outbound windows as the framework has them; without a mapped one there are two */
#define QEMU_EP_WINDOW_MAPPED		1

/* MSI-X vectors; the doorbell's and the mapped window's come after those of the DMA channels */
#define QEMU_EP_VECTOR_EVENT		0
#define QEMU_EP_VECTOR_DMA(channel)	(1 + (channel))

struct qemu_ep_window;

/**
 * struct qemu_ep_outbound - an outbound translation
 * @base: where the caller's mapping starts, by which it is removed; several translations of one
 *	map_msi_irq() call have the same
 * @used: the entry is in use
 * @mapped: it is one of the mapped window
 */
struct qemu_ep_outbound {
	phys_addr_t base;
	bool used;
	bool mapped;
};

/**
 * struct qemu_ep_function - a function block
 * @regs: its registers
 * @bars: bit n is set while BAR n is
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
 * @epc: what is registered with the endpoint framework
 * @regs: BAR0
 * @caps: the FEATURES register
 * @features: the same as the endpoint framework has it
 * @functions: the function blocks
 * @num_functions: how many blocks there are
 * @max_functions: how many of them are physical functions
 * @vfs: virtual functions for each physical function
 * @num_outbounds: entries in @outbounds
 * @num_inbounds: inbound translations that a BAR can have
 * @num_channels: DMA channels
 * @max_map: the largest mapping that has a chance in the outbound windows, in bytes
 * @window: the mapped window, or NULL if there is none or its device has gone
 * @window_base: where the mapped window is, also if its device has gone
 * @window_size: bytes of it, 0 if there never was one
 * @window_virt: the mapped window for this driver, or NULL
 * @window_taken: the free parts of the mapped window, while nobody may have them, else NULL
 * @window_changed: the mapped window's interrupt came
 * @lock: serialises a staged set up to the read of its result, and protects @outbounds,
 *	@functions' state, @started, @initialized and @window
 * @outbounds: the outbound translations
 * @started: pci_epc_start() asked for the link
 * @initialized: the endpoint functions were told that they can use the controller
 * @link_up: they were told that the link is up; only for the event thread
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

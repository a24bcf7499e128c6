// SPDX-License-Identifier: GPL-2.0-only
/*
 * Driver for EpfTest's virtual PCIe endpoint controller: probe, remove and events.
 *
 * To the EP guest the controller is a PCI device: BAR0 has its registers, BAR2 its outbound
 * windows. The registers are described in docs/registers.md.
 */

#include <linux/bitfield.h>
#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-epc.h>
#include <linux/pci-epf.h>
#include <linux/pm.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "pcie-qemu-ep.h"

/*
 * Size of the window for small mappings: registers, interrupts, queue entries. With a mapped window
 * it is smaller than the mappings that profit from that one.
 */
#define QEMU_EP_SMALL_WINDOW	SZ_16M
#define QEMU_EP_TINY_WINDOW	SZ_256K

/* Pages of the large window are large enough to keep its bitmap below this number of bits */
#define QEMU_EP_MAX_PAGES	SZ_1M

/* Limits of the register map */
#define QEMU_EP_MAX_FUNCTIONS	256
#define QEMU_EP_MAX_OUTBOUNDS	((EPC_FUNCTION_BASE - EPC_OUTBOUND_BASE) / EPC_OUTBOUND_STRIDE)
#define QEMU_EP_MAX_INBOUNDS	((EPC_FUNCTION_STRIDE - EPC_FN_INBOUND_BASE) / \
				 EPC_FN_INBOUND_STRIDE)
#define QEMU_EP_MAX_CHANNELS	((EPC_OUTBOUND_BASE - EPC_DMA_BASE) / EPC_DMA_STRIDE)

#define QEMU_EP_LINK_EVENTS	(EPC_EVENT_LINK_UP | EPC_EVENT_LINK_DOWN | \
				 EPC_EVENT_PERST_ASSERTED | EPC_EVENT_PERST_DEASSERTED)
#define QEMU_EP_EVENTS		(QEMU_EP_LINK_EVENTS | EPC_EVENT_FUNCTION)

/*
 * @events has the changes since the last interrupt, LINK_STATUS the current state. The
 * notifications follow from both: endpoint functions see each change, in a possible order, even if
 * several occurred between two interrupts.
 */
static void qemu_ep_link_events(struct qemu_ep *ep, u32 events)
{
	u32 status = readl(ep->regs + EPC_LINK_STATUS);
	bool perst, up;

	if (PCI_POSSIBLE_ERROR(status))
		return;

	perst = status & EPC_LINK_STATUS_PERST;
	up = status & EPC_LINK_STATUS_UP;

	if (ep->link_up && (!up || (events & EPC_EVENT_LINK_DOWN))) {
		dev_dbg(&ep->epc->dev, "link down\n");
		ep->link_up = false;
		pci_epc_linkdown(ep->epc);
	}

	if (ep->initialized && (perst || (events & EPC_EVENT_PERST_ASSERTED))) {
		dev_dbg(&ep->epc->dev, "PERST# asserted\n");
		scoped_guard(mutex, &ep->lock)
			ep->initialized = false;
		pci_epc_deinit_notify(ep->epc);
	}

	if (!ep->initialized && !perst) {
		dev_dbg(&ep->epc->dev, "PERST# deasserted\n");
		pci_epc_init_notify(ep->epc);
		scoped_guard(mutex, &ep->lock) {
			ep->initialized = true;
			if (ep->started)
				qemu_ep_link_enable(ep);
		}
	}

	if (!ep->link_up && up) {
		dev_dbg(&ep->epc->dev, "link up, speed %lu, width x%lu\n",
			FIELD_GET(EPC_LINK_STATUS_SPEED, status),
			FIELD_GET(EPC_LINK_STATUS_WIDTH, status));
		ep->link_up = true;
		pci_epc_linkup(ep->epc);
	}
}

/*
 * A hot reset takes the link down, and it comes up again by itself. The controller keeps the
 * function from sending requests until the event is cleared: what an endpoint function still has
 * under way for the host of before the reset then fails, and does not reach the memory of the next
 * one. An event that is raised meanwhile is cleared, too: nothing has been started for that host.
 */
static void qemu_ep_hot_reset(struct qemu_ep *ep)
{
	unsigned int i;

	dev_dbg(&ep->epc->dev, "hot reset\n");
	if (ep->link_up)
		pci_epc_linkdown(ep->epc);

	for (i = 0; i < ep->num_functions; i++)
		writel(EPC_FN_EVENT_RESET, ep->functions[i].regs + EPC_FN_EVENT_STATUS);

	if (ep->link_up)
		pci_epc_linkup(ep->epc);
}

static bool qemu_ep_function_event(struct qemu_ep *ep, struct qemu_ep_function *fn)
{
	u32 events = readl(fn->regs + EPC_FN_EVENT_STATUS);

	if (!events || PCI_POSSIBLE_ERROR(events))
		return false;

	/* For all functions: their link is the same. */
	if (events & EPC_FN_EVENT_RESET)
		qemu_ep_hot_reset(ep);
	writel(events & ~EPC_FN_EVENT_RESET, fn->regs + EPC_FN_EVENT_STATUS);

	dev_dbg(&ep->epc->dev, "function %u/%u:%s%s%s%s%s%s%s%s\n", fn->func_no, fn->vfunc_no,
		events & EPC_FN_EVENT_BUS_MASTER ? " bus-master" : "",
		events & EPC_FN_EVENT_COMMAND ? " command" : "",
		events & EPC_FN_EVENT_BAR ? " bar" : "",
		events & EPC_FN_EVENT_FLR ? " flr" : "",
		events & EPC_FN_EVENT_RESET ? " reset" : "",
		events & EPC_FN_EVENT_POWER_STATE ? " power-state" : "",
		events & EPC_FN_EVENT_MSI ? " msi" : "",
		events & EPC_FN_EVENT_MSIX ? " msi-x" : "");

	if (events & EPC_FN_EVENT_BUS_MASTER)
		pci_epc_bus_master_enable_notify(ep->epc);

	return true;
}

static bool qemu_ep_function_events(struct qemu_ep *ep)
{
	bool found = false;
	unsigned int i;
	u32 pending = 0;

	for (i = 0; i < ep->num_functions; i++) {
		if (i % 32 == 0) {
			pending = readl(ep->regs + EPC_EVENT_FUNCTIONS + i / 32 * 4);
			if (PCI_POSSIBLE_ERROR(pending))
				return false;
		}
		if (pending & BIT(i % 32))
			found |= qemu_ep_function_event(ep, &ep->functions[i]);
	}

	return found;
}

/*
 * Threaded, because the notified endpoint functions may sleep. The interrupt fires when an event
 * becomes pending, not while one is: no event may be left when the thread ends.
 */
static irqreturn_t qemu_ep_event_thread(int irq, void *data)
{
	struct qemu_ep *ep = data;
	bool progress;
	u32 events;

	do {
		events = readl(ep->regs + EPC_EVENT_STATUS);
		if (PCI_POSSIBLE_ERROR(events)) {
			dev_err_once(&ep->pdev->dev, "controller is gone\n");
			break;
		}

		progress = false;
		if (events & QEMU_EP_LINK_EVENTS) {
			writel(events & QEMU_EP_LINK_EVENTS, ep->regs + EPC_EVENT_STATUS);
			qemu_ep_link_events(ep, events);
			progress = true;
		}
		if (events & EPC_EVENT_FUNCTION)
			progress |= qemu_ep_function_events(ep);
	} while (progress);

	return IRQ_HANDLED;
}

static int qemu_ep_identify_functions(struct qemu_ep *ep)
{
	unsigned int i;

	ep->functions = devm_kcalloc(&ep->pdev->dev, ep->num_functions, sizeof(*ep->functions),
				     GFP_KERNEL);
	if (!ep->functions)
		return -ENOMEM;

	for (i = 0; i < ep->num_functions; i++) {
		struct qemu_ep_function *fn = &ep->functions[i];
		u32 id;

		fn->regs = ep->regs + EPC_FUNCTION_BASE + i * EPC_FUNCTION_STRIDE;
		id = readl(fn->regs + EPC_FN_ID);
		fn->func_no = FIELD_GET(EPC_FN_ID_FUNCTION, id);
		fn->vfunc_no = FIELD_GET(EPC_FN_ID_VFUNCTION, id);
		ep->max_functions = max(ep->max_functions, fn->func_no + 1U);
	}

	/* Limits of the framework */
	ep->max_functions = min(ep->max_functions, BITS_PER_TYPE(unsigned long));
	ep->vfs = min(ep->vfs, U8_MAX);

	return 0;
}

static int qemu_ep_identify(struct qemu_ep *ep)
{
	struct device *dev = &ep->pdev->dev;
	unsigned int max_functions;
	resource_size_t len;
	u32 id, version;

	if (pci_resource_len(ep->pdev, EPC_BAR_REGS) < EPC_FUNCTION_BASE)
		return dev_err_probe(dev, -ENODEV, "BAR%d is too small\n", EPC_BAR_REGS);

	id = readl(ep->regs + EPC_ID);
	if (id != EPC_ID_VALUE)
		return dev_err_probe(dev, -ENODEV, "not an endpoint controller: ID %#x\n", id);

	version = readl(ep->regs + EPC_VERSION);
	if (FIELD_GET(EPC_VERSION_MAJOR, version) != EPC_VERSION_MAJOR_VALUE)
		return dev_err_probe(dev, -ENODEV,
				     "the controller has register version %lu.%lu, this driver is for %u.x\n",
				     FIELD_GET(EPC_VERSION_MAJOR, version),
				     FIELD_GET(EPC_VERSION_MINOR, version),
				     EPC_VERSION_MAJOR_VALUE);

	ep->caps = lo_hi_readq(ep->regs + EPC_FEATURES_LO);
	ep->num_functions = readl(ep->regs + EPC_FUNCTIONS);
	ep->vfs = readl(ep->regs + EPC_VFS);
	ep->num_outbounds = readl(ep->regs + EPC_OUTBOUNDS);
	ep->num_inbounds = readl(ep->regs + EPC_INBOUNDS);
	ep->num_channels = readl(ep->regs + EPC_DMA_CHANNELS);

	/* Reject numbers that exceed the register map, such as the all ones of a removed device. */
	len = pci_resource_len(ep->pdev, EPC_BAR_REGS) - EPC_FUNCTION_BASE;
	max_functions = min_t(resource_size_t, len / EPC_FUNCTION_STRIDE, QEMU_EP_MAX_FUNCTIONS);
	if (!ep->num_functions || ep->num_functions > max_functions ||
	    !ep->num_outbounds || ep->num_outbounds > QEMU_EP_MAX_OUTBOUNDS ||
	    !ep->num_inbounds || ep->num_inbounds > QEMU_EP_MAX_INBOUNDS ||
	    ep->num_channels > QEMU_EP_MAX_CHANNELS)
		return dev_err_probe(dev, -EINVAL,
				     "impossible numbers: %u functions, %u outbound and %u inbound translations, %u DMA channels\n",
				     ep->num_functions, ep->num_outbounds, ep->num_inbounds,
				     ep->num_channels);

	ep->outbounds = devm_kcalloc(dev, ep->num_outbounds, sizeof(*ep->outbounds), GFP_KERNEL);
	if (!ep->outbounds)
		return -ENOMEM;

	qemu_ep_init_features(ep);

	dev_dbg(dev, "register version %lu.%lu, features %#llx, %u functions, %u DMA channels\n",
		FIELD_GET(EPC_VERSION_MAJOR, version), FIELD_GET(EPC_VERSION_MINOR, version),
		ep->caps, ep->num_functions, ep->num_channels);

	return qemu_ep_identify_functions(ep);
}

static void qemu_ep_exit_windows(void *data)
{
	struct qemu_ep *ep = data;

	pci_epc_mem_exit(ep->epc);
	bitmap_free(ep->window_taken);
	ep->window_taken = NULL;
}

static size_t qemu_ep_window_page_size(size_t size)
{
	return max(PAGE_SIZE, roundup_pow_of_two(DIV_ROUND_UP(size, QEMU_EP_MAX_PAGES)));
}

/*
 * The framework uses the first window that is large enough and has room. The small window keeps
 * small mappings out of the large one, which they would fragment, and mappings of anything but
 * memory out of the mapped one, which can map nothing else.
 */
static int qemu_ep_init_windows(struct qemu_ep *ep)
{
	resource_size_t base = pci_resource_start(ep->pdev, EPC_BAR_WINDOW);
	resource_size_t size = pci_resource_len(ep->pdev, EPC_BAR_WINDOW);
	struct pci_epc_mem_window windows[3] = {};
	unsigned int num = 0;
	size_t small, large;
	int ret;

	if (size < 2 * PAGE_SIZE || size > SIZE_MAX)
		return dev_err_probe(&ep->pdev->dev, -ENODEV, "no outbound window in BAR%d\n",
				     EPC_BAR_WINDOW);

	small = min_t(size_t, size / 2,
		      ep->window ? QEMU_EP_TINY_WINDOW : QEMU_EP_SMALL_WINDOW);
	large = size - small;

	/* At the end, so that the large window is aligned like the BAR */
	windows[num].phys_base = base + large;
	windows[num].size = small;
	windows[num].page_size = PAGE_SIZE;
	num++;

	/* The framework allocates powers of two. */
	ep->max_map = rounddown_pow_of_two(large);

	if (ep->window) {
		windows[num].phys_base = ep->window_base;
		windows[num].size = ep->window_size;
		windows[num].page_size = qemu_ep_window_page_size(ep->window_size);
		num++;

		/* Some functions need two mappings at a time. */
		ep->max_map = min(ep->max_map, rounddown_pow_of_two(ep->window_size) / 2);
	}

	windows[num].phys_base = base;
	windows[num].size = large;
	windows[num].page_size = qemu_ep_window_page_size(large);
	num++;

	ret = pci_epc_multi_mem_init(ep->epc, windows, num);
	if (ret)
		return ret;

	return devm_add_action_or_reset(&ep->pdev->dev, qemu_ep_exit_windows, ep);
}

static irqreturn_t qemu_ep_window_interrupt(int irq, void *data)
{
	struct qemu_ep *ep = data;

	complete(&ep->window_changed);
	return IRQ_HANDLED;
}

static void qemu_ep_unclaim_window(void *data)
{
	qemu_ep_window_release(data);
}

/* The mapped window is optional: without it the trapped windows remain. */
static int qemu_ep_init_mapped_window(struct qemu_ep *ep)
{
	struct device *dev = &ep->pdev->dev;
	int ret;

	if (!(ep->caps & EPC_FEATURE_MAPPED_WINDOW))
		return 0;

	ret = devm_request_irq(dev, qemu_ep_window_irq(ep), qemu_ep_window_interrupt, 0,
			       QEMU_EP_NAME, ep);
	if (ret)
		return dev_err_probe(dev, ret, "cannot request the mapped window's interrupt\n");

	qemu_ep_window_claim(ep);

	return devm_add_action_or_reset(dev, qemu_ep_unclaim_window, ep);
}

static int qemu_ep_init_epc(struct qemu_ep *ep)
{
	struct device *dev = &ep->pdev->dev;
	struct pci_epc *epc;

	epc = devm_pci_epc_create(dev, &qemu_ep_epc_ops);
	if (IS_ERR(epc))
		return dev_err_probe(dev, PTR_ERR(epc), "cannot create the EPC\n");

	epc_set_drvdata(epc, ep);
	ep->epc = epc;

	epc->max_functions = ep->max_functions;
	if (ep->vfs) {
		epc->max_vfs = devm_kcalloc(dev, ep->max_functions, sizeof(*epc->max_vfs),
					    GFP_KERNEL);
		if (!epc->max_vfs)
			return -ENOMEM;
		memset(epc->max_vfs, ep->vfs, ep->max_functions);
	}

	return qemu_ep_init_windows(ep);
}

static void qemu_ep_start_events(struct qemu_ep *ep)
{
	/*
	 * Clear past events, handle the current state, then unmask. An event in between interrupts
	 * when it is unmasked.
	 */
	writel(QEMU_EP_LINK_EVENTS, ep->regs + EPC_EVENT_STATUS);
	qemu_ep_link_events(ep, 0);
	writel(~(u32)QEMU_EP_EVENTS, ep->regs + EPC_EVENT_MASK);
}

static int qemu_ep_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct device *dev = &pdev->dev;
	struct qemu_ep *ep;
	int vectors, ret;

	ep = devm_kzalloc(dev, sizeof(*ep), GFP_KERNEL);
	if (!ep)
		return -ENOMEM;

	ep->pdev = pdev;
	pci_set_drvdata(pdev, ep);

	init_completion(&ep->window_changed);
	ret = devm_mutex_init(dev, &ep->lock);
	if (ret)
		return ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return dev_err_probe(dev, ret, "cannot enable the device\n");

	ep->regs = pcim_iomap_region(pdev, EPC_BAR_REGS, QEMU_EP_NAME);
	if (IS_ERR(ep->regs))
		return dev_err_probe(dev, PTR_ERR(ep->regs), "cannot map BAR%d\n", EPC_BAR_REGS);

	/* The endpoint framework maps it piece by piece. */
	ret = pcim_request_region(pdev, EPC_BAR_WINDOW, QEMU_EP_NAME);
	if (ret)
		return dev_err_probe(dev, ret, "cannot request BAR%d\n", EPC_BAR_WINDOW);

	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (ret)
		return dev_err_probe(dev, ret, "cannot address memory\n");

	ret = qemu_ep_identify(ep);
	if (ret)
		return ret;

	/* A previous kernel may have left it running. */
	qemu_ep_quiesce(ep);

	pci_set_master(pdev);

	vectors = QEMU_EP_VECTOR_DMA(ep->num_channels) + 1;
	if (ep->caps & EPC_FEATURE_MAPPED_WINDOW)
		vectors++;
	ret = pci_alloc_irq_vectors(pdev, vectors, vectors, PCI_IRQ_MSIX | PCI_IRQ_MSI);
	if (ret < 0)
		return dev_err_probe(dev, ret, "cannot allocate %d MSI(-X) vectors\n", vectors);

	ret = qemu_ep_init_mapped_window(ep);
	if (ret)
		return ret;

	ret = qemu_ep_init_epc(ep);
	if (ret)
		return ret;

	ret = qemu_ep_dma_init(ep);
	if (ret)
		return ret;

	ret = devm_request_threaded_irq(dev, pci_irq_vector(pdev, QEMU_EP_VECTOR_EVENT), NULL,
					qemu_ep_event_thread, IRQF_ONESHOT, QEMU_EP_NAME, ep);
	if (ret)
		return dev_err_probe(dev, ret, "cannot request the event interrupt\n");

	qemu_ep_start_events(ep);

	return 0;
}

static void qemu_ep_remove(struct pci_dev *pdev)
{
	struct qemu_ep *ep = pci_get_drvdata(pdev);

	/* After this the event thread is gone, and its private state can be used here. */
	writel(~0, ep->regs + EPC_EVENT_MASK);
	devm_free_irq(&pdev->dev, pci_irq_vector(pdev, QEMU_EP_VECTOR_EVENT), ep);

	pci_epc_stop(ep->epc);

	if (ep->link_up)
		pci_epc_linkdown(ep->epc);
	if (ep->initialized)
		pci_epc_deinit_notify(ep->epc);

	/*
	 * Happens only if the device is unplugged or unbound. The framework keeps pointers to the
	 * removed EPC, and there is no way to notify it.
	 */
	if (!list_empty(&ep->epc->pci_epf))
		dev_warn(&pdev->dev, "removed while endpoint functions are linked to it\n");

	qemu_ep_quiesce(ep);
}

/* The next kernel must not inherit mappings that it does not know. */
static void qemu_ep_shutdown(struct pci_dev *pdev)
{
	struct qemu_ep *ep = pci_get_drvdata(pdev);

	guard(mutex)(&ep->lock);

	qemu_ep_window_disable(ep);
}

/*
 * Refuse to sleep: the controller would lose its registers, and there is no way to have endpoint
 * functions set them up again. Refuse before any device sleeps: the mapped window's would lose its
 * mappings.
 */
static int qemu_ep_pm_prepare(struct device *dev)
{
	dev_warn(dev, "cannot sleep: unlink the endpoint functions and unload this driver first\n");

	return -EBUSY;
}

static const struct dev_pm_ops qemu_ep_pm_ops = {
	.prepare = pm_sleep_ptr(qemu_ep_pm_prepare),
};

static const struct pci_device_id qemu_ep_ids[] = {
	{ PCI_DEVICE(EPC_PCI_VENDOR_ID, EPC_PCI_DEVICE_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, qemu_ep_ids);

static struct pci_driver qemu_ep_driver = {
	.name = QEMU_EP_NAME,
	.id_table = qemu_ep_ids,
	.probe = qemu_ep_probe,
	.remove = qemu_ep_remove,
	.shutdown = qemu_ep_shutdown,
	.driver.pm = pm_ptr(&qemu_ep_pm_ops),
};

/* Register the window's driver first, so that the controller's probe finds its window. */
static int __init qemu_ep_init(void)
{
	int ret;

	ret = qemu_ep_window_register();
	if (ret)
		return ret;

	ret = pci_register_driver(&qemu_ep_driver);
	if (ret)
		qemu_ep_window_unregister();

	return ret;
}
module_init(qemu_ep_init);

static void __exit qemu_ep_exit(void)
{
	pci_unregister_driver(&qemu_ep_driver);
	qemu_ep_window_unregister();
}
module_exit(qemu_ep_exit);

MODULE_AUTHOR("EpfTest authors");
MODULE_DESCRIPTION("EpfTest virtual PCIe endpoint controller");
MODULE_LICENSE("GPL");

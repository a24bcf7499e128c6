// SPDX-License-Identifier: GPL-2.0-only
/*
 * Driver for EpfTest's virtual PCIe endpoint controller: the mapped window.
 *
 * The window is the shared-memory region of a virtio device, which EpcDevice serves beside the
 * controller. QEMU maps the host's memory there, so accesses do not trap.
 */

#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>

#include "pcie-qemu-ep.h"

/* VIRTIO_ID_IOMEM: reserved by the specification since its first draft, and used by no driver */
#define QEMU_EP_VIRTIO_ID	6

/* The only field of the device's configuration: the controller's WINDOW_ID */
#define QEMU_EP_CONFIG_ID	0

/**
 * struct qemu_ep_window - a mapped window
 * @vdev: its device
 * @region: its shared-memory region
 * @id: identifies its controller
 * @ep: the controller that uses it, or NULL
 * @node: in the list of windows
 */
struct qemu_ep_window {
	struct virtio_device *vdev;
	struct virtio_shm_region region;
	u64 id;
	struct qemu_ep *ep;
	struct list_head node;
};

static LIST_HEAD(qemu_ep_windows);

/* Protects the list and the windows' @ep; taken before a controller's lock */
static DEFINE_MUTEX(qemu_ep_windows_lock);

/* Look for the controller's window. Without one there are trapped windows only. */
void qemu_ep_window_claim(struct qemu_ep *ep)
{
	struct qemu_ep_window *window;
	u64 id, size;

	id = lo_hi_readq(ep->regs + EPC_WINDOW_ID_LO);
	size = lo_hi_readq(ep->regs + EPC_WINDOW_SIZE_LO);

	guard(mutex)(&qemu_ep_windows_lock);

	list_for_each_entry(window, &qemu_ep_windows, node) {
		if (window->id != id || window->ep || window->region.len != size ||
		    size > SIZE_MAX)
			continue;

		window->ep = ep;
		guard(mutex)(&ep->lock);
		ep->window = window;
		ep->window_base = window->region.addr;
		ep->window_size = size;
		/* Used to touch new mappings; optional, but faster */
		ep->window_virt = ioremap(window->region.addr, size);
		lo_hi_writeq(window->region.addr, ep->regs + EPC_WINDOW_ADDRESS_LO);
		dev_dbg(&ep->pdev->dev, "mapped window at %pa, %zu bytes\n", &ep->window_base,
			ep->window_size);
		return;
	}

	dev_dbg(&ep->pdev->dev, "no device for the mapped window: every access is trapped\n");
}

/* The controller is being removed; nothing is mapped any more. */
void qemu_ep_window_release(struct qemu_ep *ep)
{
	guard(mutex)(&qemu_ep_windows_lock);
	guard(mutex)(&ep->lock);

	if (ep->window)
		ep->window->ep = NULL;
	ep->window = NULL;
	if (ep->window_virt)
		iounmap(ep->window_virt);
	ep->window_virt = NULL;
}

static int qemu_ep_window_probe(struct virtio_device *vdev)
{
	struct qemu_ep_window *window;
	struct virtqueue *vq;
	__le64 id;

	/* Older QEMUs have the device without the region. */
	if (!vdev->config->get)
		return -ENODEV;

	window = devm_kzalloc(&vdev->dev, sizeof(*window), GFP_KERNEL);
	if (!window)
		return -ENOMEM;

	if (!virtio_get_shm_region(vdev, &window->region, 0))
		return dev_err_probe(&vdev->dev, -ENODEV, "no shared-memory region\n");

	/* Unused, but a device without a queue cannot be started */
	vq = virtio_find_single_vq(vdev, NULL, "unused");
	if (IS_ERR(vq))
		return PTR_ERR(vq);

	virtio_device_ready(vdev);

	vdev->config->get(vdev, QEMU_EP_CONFIG_ID, &id, sizeof(id));
	window->id = le64_to_cpu(id);
	window->vdev = vdev;
	vdev->priv = window;

	guard(mutex)(&qemu_ep_windows_lock);

	list_add_tail(&window->node, &qemu_ep_windows);
	return 0;
}

/* A reset drops all mappings, and no request to change them may be under way. */
static void qemu_ep_window_remove(struct virtio_device *vdev)
{
	struct qemu_ep_window *window = vdev->priv;

	scoped_guard(mutex, &qemu_ep_windows_lock) {
		struct qemu_ep *ep = window->ep;

		list_del(&window->node);
		if (ep) {
			guard(mutex)(&ep->lock);
			qemu_ep_window_disable(ep);
			ep->window = NULL;
			window->ep = NULL;
		}
	}

	virtio_reset_device(vdev);
	vdev->config->del_vqs(vdev);
}

static const struct virtio_device_id qemu_ep_window_ids[] = {
	{ QEMU_EP_VIRTIO_ID, VIRTIO_DEV_ANY_ID },
	{ }
};
MODULE_DEVICE_TABLE(virtio, qemu_ep_window_ids);

static struct virtio_driver qemu_ep_window_driver = {
	.driver.name = QEMU_EP_NAME "-window",
	.id_table = qemu_ep_window_ids,
	.probe = qemu_ep_window_probe,
	.remove = qemu_ep_window_remove,
};

int qemu_ep_window_register(void)
{
	return register_virtio_driver(&qemu_ep_window_driver);
}

void qemu_ep_window_unregister(void)
{
	unregister_virtio_driver(&qemu_ep_window_driver);
}

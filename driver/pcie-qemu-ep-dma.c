// SPDX-License-Identifier: GPL-2.0-only
/*
 * Driver for EpfTest's virtual PCIe endpoint controller: its DMA channels as a dmaengine provider.
 *
 * A channel processes a ring of descriptors in memory. A dmaengine transaction is one or more
 * descriptors. It moves through the lists of its channel: prepared, submitted, issued (not all of
 * it is in the ring), active (all of it is) and completed (its callback is still to be called).
 *
 * This does the work of drivers/dma/virt-dma.h, which out-of-tree drivers cannot include.
 */

#include <linux/bitfield.h>
#include <linux/bottom_half.h>
#include <linux/build_bug.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "pcie-qemu-ep.h"

/* A power of two */
#define QEMU_EP_DMA_RING_SIZE	1024

/* Number of failed transactions that a channel remembers */
#define QEMU_EP_DMA_FAILED	64

#define QEMU_EP_DMA_EVENTS	(EPC_DMA_IRQ_DESCRIPTOR | EPC_DMA_IRQ_RING_ERROR)

static char *dma_mode = "slave";
module_param_named(dma, dma_mode, charp, 0444);
MODULE_PARM_DESC(dma, "DMA channels are: slave (default; to and from host addresses), memcpy (between local addresses, outbound windows among them) or off");

/**
 * struct qemu_ep_dma_desc - a descriptor in the ring
 * @source: address of the first byte to read
 * @destination: address of the first byte to write
 * @length: bytes
 * @flags: EPC_DESC_FLAG_*
 * @status: EPC_DESC_STATUS_*, written by the controller
 * @reserved: 0
 */
struct qemu_ep_dma_desc {
	__le64 source;
	__le64 destination;
	__le32 length;
	__le32 flags;
	__le32 status;
	__le32 reserved;
};

static_assert(sizeof(struct qemu_ep_dma_desc) == EPC_DESC_SIZE);

/**
 * struct qemu_ep_dma_segment - contents of one descriptor
 * @source: address of the first byte to read
 * @destination: address of the first byte to write
 * @length: bytes
 */
struct qemu_ep_dma_segment {
	u64 source;
	u64 destination;
	u32 length;
};

/**
 * struct qemu_ep_dma_tx - a transaction
 * @tx: dmaengine's part
 * @node: in one of the channel's lists
 * @flags: EPC_DESC_FLAG_* of all of its descriptors
 * @residue: bytes that are not transferred (yet)
 * @result: the first error, if any
 * @pushed: number of segments that were put into the ring
 * @done: number of those that the controller has completed
 * @count: number of segments
 * @segments: the segments
 */
struct qemu_ep_dma_tx {
	struct dma_async_tx_descriptor tx;
	struct list_head node;
	u32 flags;
	size_t residue;
	enum dmaengine_tx_result result;
	unsigned int pushed;
	unsigned int done;
	unsigned int count;
	struct qemu_ep_dma_segment segments[] __counted_by(count);
};

/**
 * struct qemu_ep_dma_chan - a channel
 * @chan: dmaengine's part
 * @dma: the provider that it belongs to
 * @regs: its registers
 * @direction: direction of a slave channel
 * @config: host bus addresses of a slave channel
 * @irq: its interrupt
 * @name: name of the interrupt
 * @lock: protects all members below
 * @running: the channel is in use, and the controller is there
 * @ring: the ring
 * @ring_addr: its DMA address
 * @head: the descriptor to complete next
 * @tail: the descriptor to fill next
 * @prepared: transactions that may be submitted
 * @submitted: transactions that may be issued
 * @issued: transactions that wait for room in the ring; the first may be there in part
 * @active: transactions that are in the ring
 * @completed: transactions whose callbacks are still to be called
 * @failed: cookies of the last failed transactions
 * @next_failed: index of the oldest of them
 */
struct qemu_ep_dma_chan {
	struct dma_chan chan;
	struct qemu_ep_dma *dma;
	void __iomem *regs;
	enum dma_transfer_direction direction;
	struct dma_slave_config config;
	int irq;
	char name[32];

	spinlock_t lock; /* see above */
	bool running;
	struct qemu_ep_dma_desc *ring;
	dma_addr_t ring_addr;
	unsigned int head;
	unsigned int tail;
	struct list_head prepared;
	struct list_head submitted;
	struct list_head issued;
	struct list_head active;
	struct list_head completed;
	dma_cookie_t failed[QEMU_EP_DMA_FAILED];
	unsigned int next_failed;
};

/**
 * struct qemu_ep_dma - the provider
 * @device: dmaengine's part, which may outlive the driver's binding to the device
 * @lock: serialises taking and releasing channels with the driver's unbinding
 * @gone: the driver is unbound
 * @num_channels: number of channels
 * @channels: the channels
 */
struct qemu_ep_dma {
	struct dma_device device;
	struct mutex lock; /* see above */
	bool gone;
	unsigned int num_channels;
	struct qemu_ep_dma_chan channels[] __counted_by(num_channels);
};

static struct qemu_ep_dma *to_qemu_ep_dma(struct dma_device *device)
{
	return container_of(device, struct qemu_ep_dma, device);
}

static struct qemu_ep_dma_chan *to_qemu_ep_dma_chan(struct dma_chan *chan)
{
	return container_of(chan, struct qemu_ep_dma_chan, chan);
}

static struct qemu_ep_dma_tx *to_qemu_ep_dma_tx(struct dma_async_tx_descriptor *tx)
{
	return container_of(tx, struct qemu_ep_dma_tx, tx);
}

static struct device *qemu_ep_dma_dev(struct qemu_ep_dma_chan *c)
{
	return c->dma->device.dev;
}

/* --- The controller's side of a channel: called with the lock held once the channel is in use */

static unsigned int qemu_ep_dma_next(unsigned int index)
{
	return (index + 1) % QEMU_EP_DMA_RING_SIZE;
}

static void qemu_ep_dma_start_ring(struct qemu_ep_dma_chan *c)
{
	c->head = 0;
	c->tail = 0;

	lo_hi_writeq(c->ring_addr, c->regs + EPC_DMA_RING_LO);
	writel(QEMU_EP_DMA_RING_SIZE, c->regs + EPC_DMA_RING_SIZE);
	writel(QEMU_EP_DMA_EVENTS, c->regs + EPC_DMA_IRQ_STATUS);
	writel(~(u32)QEMU_EP_DMA_EVENTS, c->regs + EPC_DMA_IRQ_MASK);

	/* dmaengine does not know endpoint functions: the first one is the requester. */
	writel(EPC_DMA_CONTROL_ENABLE | FIELD_PREP(EPC_DMA_CONTROL_FUNCTION, 0),
	       c->regs + EPC_DMA_CONTROL);
}

static void qemu_ep_dma_stop_ring(struct qemu_ep_dma_chan *c)
{
	writel(EPC_DMA_CONTROL_RESET, c->regs + EPC_DMA_CONTROL);
	readl(c->regs + EPC_DMA_CONTROL); /* after this no descriptor is processed */
}

/*
 * A descriptor counts as completed by its status, which the controller writes before it advances
 * HEAD. So one more entry than the controller needs is kept free, and TAIL never catches up with
 * HEAD.
 */
static bool qemu_ep_dma_ring_full(struct qemu_ep_dma_chan *c)
{
	return qemu_ep_dma_next(qemu_ep_dma_next(c->tail)) == c->head;
}

static bool qemu_ep_dma_has_callback(struct qemu_ep_dma_tx *tx)
{
	return tx->tx.callback || tx->tx.callback_result;
}

static bool qemu_ep_dma_wants_interrupt(struct qemu_ep_dma_chan *c, struct qemu_ep_dma_tx *tx)
{
	/* Interrupt often enough to refill the ring, even without a requested callback. */
	if (c->tail % (QEMU_EP_DMA_RING_SIZE / 4) == 0)
		return true;

	if (tx->pushed != tx->count - 1)
		return false;

	return (tx->tx.flags & DMA_PREP_INTERRUPT) || qemu_ep_dma_has_callback(tx);
}

static void qemu_ep_dma_push_segment(struct qemu_ep_dma_chan *c, struct qemu_ep_dma_tx *tx)
{
	struct qemu_ep_dma_segment *segment = &tx->segments[tx->pushed];
	struct qemu_ep_dma_desc *desc = &c->ring[c->tail];
	u32 flags = tx->flags;

	if (qemu_ep_dma_wants_interrupt(c, tx))
		flags |= EPC_DESC_FLAG_INTERRUPT;

	desc->source = cpu_to_le64(segment->source);
	desc->destination = cpu_to_le64(segment->destination);
	desc->length = cpu_to_le32(segment->length);
	desc->flags = cpu_to_le32(flags);
	desc->status = cpu_to_le32(EPC_DESC_STATUS_PENDING);
	desc->reserved = 0;

	c->tail = qemu_ep_dma_next(c->tail);
	tx->pushed++;
}

/* Put as many segments into the ring as it has room for. */
static void qemu_ep_dma_push(struct qemu_ep_dma_chan *c)
{
	unsigned int tail = c->tail;
	struct qemu_ep_dma_tx *tx;

	lockdep_assert_held(&c->lock);

	while ((tx = list_first_entry_or_null(&c->issued, struct qemu_ep_dma_tx, node))) {
		while (tx->pushed < tx->count && !qemu_ep_dma_ring_full(c))
			qemu_ep_dma_push_segment(c, tx);
		if (tx->pushed < tx->count)
			break;
		list_move_tail(&tx->node, &c->active);
	}

	/* writel() orders the descriptors in memory before the doorbell. */
	if (c->tail != tail)
		writel(c->tail, c->regs + EPC_DMA_TAIL);
}

static void qemu_ep_dma_complete(struct qemu_ep_dma_chan *c, struct qemu_ep_dma_tx *tx)
{
	lockdep_assert_held(&c->lock);

	c->chan.completed_cookie = tx->tx.cookie;
	if (tx->result != DMA_TRANS_NOERROR) {
		c->failed[c->next_failed] = tx->tx.cookie;
		c->next_failed = (c->next_failed + 1) % QEMU_EP_DMA_FAILED;
	}

	dma_descriptor_unmap(&tx->tx);
	if (qemu_ep_dma_has_callback(tx)) {
		list_move_tail(&tx->node, &c->completed);
	} else {
		list_del(&tx->node);
		kfree(tx);
	}
}

static enum dmaengine_tx_result qemu_ep_dma_result(u32 status)
{
	switch (status) {
	case EPC_DESC_STATUS_DONE:
		return DMA_TRANS_NOERROR;
	case EPC_DESC_STATUS_SOURCE_ERROR:
		return DMA_TRANS_READ_FAILED;
	case EPC_DESC_STATUS_DESTINATION_ERROR:
		return DMA_TRANS_WRITE_FAILED;
	default:
		return DMA_TRANS_ABORTED;
	}
}

/* Transaction of the descriptor at the ring's head */
static struct qemu_ep_dma_tx *qemu_ep_dma_head_tx(struct qemu_ep_dma_chan *c)
{
	struct qemu_ep_dma_tx *tx;

	tx = list_first_entry_or_null(&c->active, struct qemu_ep_dma_tx, node);
	if (tx)
		return tx;

	return list_first_entry_or_null(&c->issued, struct qemu_ep_dma_tx, node);
}

/* Record completed descriptors. Reads memory only. */
static void qemu_ep_dma_reap(struct qemu_ep_dma_chan *c)
{
	enum dmaengine_tx_result result;
	struct qemu_ep_dma_tx *tx;
	u32 status;

	lockdep_assert_held(&c->lock);

	while (c->head != c->tail) {
		status = le32_to_cpu(READ_ONCE(c->ring[c->head].status));
		if (status == EPC_DESC_STATUS_PENDING)
			break;

		/* Read the data only after the status that announces it. */
		dma_rmb();

		tx = qemu_ep_dma_head_tx(c);
		result = qemu_ep_dma_result(status);
		if (result == DMA_TRANS_NOERROR) {
			tx->residue -= tx->segments[tx->done].length;
		} else {
			dev_dbg(qemu_ep_dma_dev(c), "%s: cookie %d segment %u: status %u\n",
				c->name, tx->tx.cookie, tx->done, status);
			if (tx->result == DMA_TRANS_NOERROR)
				tx->result = result;
		}

		c->head = qemu_ep_dma_next(c->head);
		if (++tx->done == tx->count)
			qemu_ep_dma_complete(c, tx);
	}
}

static void qemu_ep_dma_abort_list(struct qemu_ep_dma_chan *c, struct list_head *list)
{
	struct qemu_ep_dma_tx *tx, *next;

	list_for_each_entry_safe(tx, next, list, node) {
		if (tx->result == DMA_TRANS_NOERROR)
			tx->result = DMA_TRANS_ABORTED;
		qemu_ep_dma_complete(c, tx);
	}
}

/* The controller could not read the ring, and stopped. */
static void qemu_ep_dma_ring_error(struct qemu_ep_dma_chan *c)
{
	struct qemu_ep_dma_tx *tx;

	dev_err_ratelimited(qemu_ep_dma_dev(c), "%s: the controller cannot read the ring\n",
			    c->name);

	qemu_ep_dma_stop_ring(c);
	qemu_ep_dma_abort_list(c, &c->active);
	tx = list_first_entry_or_null(&c->issued, struct qemu_ep_dma_tx, node);
	if (tx && tx->pushed) {
		if (tx->result == DMA_TRANS_NOERROR)
			tx->result = DMA_TRANS_ABORTED;
		qemu_ep_dma_complete(c, tx);
	}
	qemu_ep_dma_start_ring(c);
}

/* --- Without the lock */

static void qemu_ep_dma_free_list(struct list_head *list)
{
	struct qemu_ep_dma_tx *tx, *next;

	list_for_each_entry_safe(tx, next, list, node) {
		list_del(&tx->node);
		dma_descriptor_unmap(&tx->tx);
		kfree(tx);
	}
}

static void qemu_ep_dma_run_callbacks(struct list_head *list)
{
	struct qemu_ep_dma_tx *tx;

	/* Users of dmaengine may count on not being interrupted by other tasklets here. */
	local_bh_disable();
	list_for_each_entry(tx, list, node) {
		const struct dmaengine_result result = {
			.result = tx->result,
			.residue = tx->residue,
		};

		if (tx->tx.callback_result)
			tx->tx.callback_result(tx->tx.callback_param, &result);
		else if (tx->tx.callback)
			tx->tx.callback(tx->tx.callback_param);
	}
	local_bh_enable();

	qemu_ep_dma_free_list(list);
}

static irqreturn_t qemu_ep_dma_thread(int irq, void *data)
{
	struct qemu_ep_dma_chan *c = data;
	LIST_HEAD(completed);
	u32 status;

	/*
	 * A descriptor that completes after this read interrupts again; one that completed before
	 * it has its status in memory.
	 */
	writel(EPC_DMA_IRQ_DESCRIPTOR, c->regs + EPC_DMA_IRQ_STATUS);
	status = readl(c->regs + EPC_DMA_IRQ_STATUS);

	scoped_guard(spinlock_irqsave, &c->lock) {
		if (c->running) {
			qemu_ep_dma_reap(c);
			if (!PCI_POSSIBLE_ERROR(status) && (status & EPC_DMA_IRQ_RING_ERROR))
				qemu_ep_dma_ring_error(c);
			qemu_ep_dma_push(c);
		}
		list_splice_init(&c->completed, &completed);
	}

	qemu_ep_dma_run_callbacks(&completed);

	return IRQ_HANDLED;
}

/* --- dmaengine's operations */

static int qemu_ep_dma_alloc_chan_resources(struct dma_chan *chan)
{
	struct qemu_ep_dma_chan *c = to_qemu_ep_dma_chan(chan);
	struct device *dev = qemu_ep_dma_dev(c);
	int ret;

	guard(mutex)(&c->dma->lock);

	if (c->dma->gone)
		return -ENODEV;

	c->ring = dma_alloc_coherent(dev, QEMU_EP_DMA_RING_SIZE * sizeof(*c->ring), &c->ring_addr,
				     GFP_KERNEL);
	if (!c->ring)
		return -ENOMEM;

	/* A threaded handler is fast enough: users in a hurry reap with tx_status(). */
	ret = request_threaded_irq(c->irq, NULL, qemu_ep_dma_thread, IRQF_ONESHOT, c->name, c);
	if (ret) {
		dev_err(dev, "%s: cannot request the interrupt: %d\n", c->name, ret);
		dma_free_coherent(dev, QEMU_EP_DMA_RING_SIZE * sizeof(*c->ring), c->ring,
				  c->ring_addr);
		return ret;
	}

	chan->cookie = DMA_MIN_COOKIE;
	chan->completed_cookie = DMA_MIN_COOKIE;
	memset(c->failed, 0, sizeof(c->failed));
	memset(&c->config, 0, sizeof(c->config));

	scoped_guard(spinlock_irqsave, &c->lock) {
		qemu_ep_dma_start_ring(c);
		c->running = true;
	}

	return 0;
}

/* Stop the channel, and move transactions with a callback to @completed. */
static void qemu_ep_dma_shut_down(struct qemu_ep_dma_chan *c, struct list_head *completed)
{
	struct device *dev = qemu_ep_dma_dev(c);

	lockdep_assert_held(&c->dma->lock);

	scoped_guard(spinlock_irqsave, &c->lock) {
		if (!c->running)
			return;
		c->running = false;
		qemu_ep_dma_stop_ring(c);
	}

	free_irq(c->irq, c);
	dma_free_coherent(dev, QEMU_EP_DMA_RING_SIZE * sizeof(*c->ring), c->ring, c->ring_addr);

	scoped_guard(spinlock_irqsave, &c->lock) {
		qemu_ep_dma_abort_list(c, &c->active);
		qemu_ep_dma_abort_list(c, &c->issued);
		qemu_ep_dma_abort_list(c, &c->submitted);
		list_splice_tail_init(&c->completed, completed);
	}
}

static void qemu_ep_dma_free_chan_resources(struct dma_chan *chan)
{
	struct qemu_ep_dma_chan *c = to_qemu_ep_dma_chan(chan);
	LIST_HEAD(unused);

	guard(mutex)(&c->dma->lock);

	/* The user who owns these callbacks has released the channel. */
	qemu_ep_dma_shut_down(c, &unused);

	scoped_guard(spinlock_irqsave, &c->lock) {
		list_splice_init(&c->prepared, &unused);
		list_splice_init(&c->submitted, &unused);
		list_splice_init(&c->issued, &unused);
	}
	qemu_ep_dma_free_list(&unused);
}

static dma_cookie_t qemu_ep_dma_submit(struct dma_async_tx_descriptor *async_tx)
{
	struct qemu_ep_dma_tx *tx = to_qemu_ep_dma_tx(async_tx);
	struct qemu_ep_dma_chan *c = to_qemu_ep_dma_chan(async_tx->chan);
	dma_cookie_t cookie;

	scoped_guard(spinlock_irqsave, &c->lock) {
		cookie = c->chan.cookie == S32_MAX ? DMA_MIN_COOKIE :
						     c->chan.cookie + 1;
		c->chan.cookie = cookie;
		async_tx->cookie = cookie;
		list_move_tail(&tx->node, &c->submitted);
	}

	return cookie;
}

static void qemu_ep_dma_issue_pending(struct dma_chan *chan)
{
	struct qemu_ep_dma_chan *c = to_qemu_ep_dma_chan(chan);

	scoped_guard(spinlock_irqsave, &c->lock) {
		list_splice_tail_init(&c->submitted, &c->issued);
		if (c->running) {
			qemu_ep_dma_reap(c);
			qemu_ep_dma_push(c);
		}
	}
}

static struct qemu_ep_dma_tx *qemu_ep_dma_alloc_tx(struct qemu_ep_dma_chan *c, unsigned int count,
						   unsigned long flags)
{
	struct qemu_ep_dma_tx *tx;

	if (!count)
		return NULL;

	/* Called from callbacks, and by some users with a lock held: must not sleep. */
	tx = kzalloc(struct_size(tx, segments, count), GFP_NOWAIT);
	if (!tx)
		return NULL;

	tx->count = count;
	tx->tx.flags = flags;
	dma_async_tx_descriptor_init(&tx->tx, &c->chan);
	tx->tx.tx_submit = qemu_ep_dma_submit;

	return tx;
}

static struct dma_async_tx_descriptor *qemu_ep_dma_prepared(struct qemu_ep_dma_chan *c,
							    struct qemu_ep_dma_tx *tx)
{
	scoped_guard(spinlock_irqsave, &c->lock)
		list_add_tail(&tx->node, &c->prepared);

	return &tx->tx;
}

static struct dma_async_tx_descriptor *
qemu_ep_dma_prep_memcpy(struct dma_chan *chan, dma_addr_t destination, dma_addr_t source,
			size_t len, unsigned long flags)
{
	struct qemu_ep_dma_chan *c = to_qemu_ep_dma_chan(chan);
	struct qemu_ep_dma_tx *tx;
	unsigned int i;

	tx = qemu_ep_dma_alloc_tx(c, DIV_ROUND_UP(len, SZ_1G), flags);
	if (!tx)
		return NULL;

	/* The controller translates addresses in an outbound window. */
	tx->residue = len;
	for (i = 0; i < tx->count; i++) {
		tx->segments[i].source = source;
		tx->segments[i].destination = destination;
		tx->segments[i].length = min_t(size_t, len, SZ_1G);
		source += tx->segments[i].length;
		destination += tx->segments[i].length;
		len -= tx->segments[i].length;
	}

	return qemu_ep_dma_prepared(c, tx);
}

static struct dma_async_tx_descriptor *
qemu_ep_dma_prep_sg(struct dma_chan *chan, struct scatterlist *sgl, unsigned int sg_len,
		    enum dma_transfer_direction direction, unsigned long flags,
		    const struct dma_slave_config *config)
{
	struct qemu_ep_dma_chan *c = to_qemu_ep_dma_chan(chan);
	struct qemu_ep_dma_segment *segment;
	struct qemu_ep_dma_tx *tx;
	struct scatterlist *sg;
	unsigned int i, count = 0;
	u64 host;

	if (direction != c->direction)
		return NULL;

	for_each_sg(sgl, sg, sg_len, i)
		if (sg_dma_len(sg))
			count++;

	tx = qemu_ep_dma_alloc_tx(c, count, flags);
	if (!tx)
		return NULL;

	/* The host's side is memory: its address advances, as the local one does. */
	if (direction == DMA_DEV_TO_MEM) {
		host = config->src_addr;
		tx->flags = EPC_DESC_FLAG_SOURCE_HOST;
	} else {
		host = config->dst_addr;
		tx->flags = EPC_DESC_FLAG_DESTINATION_HOST;
	}

	segment = tx->segments;
	for_each_sg(sgl, sg, sg_len, i) {
		if (!sg_dma_len(sg))
			continue;

		if (direction == DMA_DEV_TO_MEM) {
			segment->source = host;
			segment->destination = sg_dma_address(sg);
		} else {
			segment->source = sg_dma_address(sg);
			segment->destination = host;
		}
		segment->length = sg_dma_len(sg);
		tx->residue += segment->length;
		host += segment->length;
		segment++;
	}

	return qemu_ep_dma_prepared(c, tx);
}

static struct dma_async_tx_descriptor *
qemu_ep_dma_prep_slave_sg(struct dma_chan *chan, struct scatterlist *sgl, unsigned int sg_len,
			  enum dma_transfer_direction direction, unsigned long flags, void *context)
{
	return qemu_ep_dma_prep_sg(chan, sgl, sg_len, direction, flags,
				   &to_qemu_ep_dma_chan(chan)->config);
}

#ifdef EPC_HAS_PREP_CONFIG_SG
static struct dma_async_tx_descriptor *
qemu_ep_dma_prep_config_sg(struct dma_chan *chan, struct scatterlist *sgl, unsigned int sg_len,
			   enum dma_transfer_direction direction, unsigned long flags,
			   struct dma_slave_config *config)
{
	return qemu_ep_dma_prep_sg(chan, sgl, sg_len, direction, flags,
				   config ?: &to_qemu_ep_dma_chan(chan)->config);
}
#endif

static int qemu_ep_dma_config(struct dma_chan *chan, struct dma_slave_config *config)
{
	to_qemu_ep_dma_chan(chan)->config = *config;
	return 0;
}

static void qemu_ep_dma_caps(struct dma_chan *chan, struct dma_slave_caps *caps)
{
	caps->directions = BIT(to_qemu_ep_dma_chan(chan)->direction);
}

static bool qemu_ep_dma_has_failed(struct qemu_ep_dma_chan *c, dma_cookie_t cookie)
{
	unsigned int i;

	for (i = 0; i < QEMU_EP_DMA_FAILED; i++)
		if (c->failed[i] == cookie)
			return true;

	return false;
}

static size_t qemu_ep_dma_residue(struct qemu_ep_dma_chan *c, dma_cookie_t cookie)
{
	struct list_head *lists[] = { &c->active, &c->issued, &c->submitted };
	struct qemu_ep_dma_tx *tx;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lists); i++)
		list_for_each_entry(tx, lists[i], node)
			if (tx->tx.cookie == cookie)
				return tx->residue;

	return 0;
}

static enum dma_status qemu_ep_dma_tx_status(struct dma_chan *chan, dma_cookie_t cookie,
					     struct dma_tx_state *state)
{
	struct qemu_ep_dma_chan *c = to_qemu_ep_dma_chan(chan);
	enum dma_status status;
	size_t residue = 0;

	scoped_guard(spinlock_irqsave, &c->lock) {
		/* A polling user may not have requested an interrupt. */
		if (c->running) {
			qemu_ep_dma_reap(c);
			qemu_ep_dma_push(c);
		}

		status = dma_async_is_complete(cookie, chan->completed_cookie, chan->cookie);
		if (status == DMA_COMPLETE) {
			if (qemu_ep_dma_has_failed(c, cookie))
				status = DMA_ERROR;
		} else if (!c->running) {
			status = DMA_ERROR;
		} else {
			residue = qemu_ep_dma_residue(c, cookie);
		}

		dma_set_tx_state(state, chan->completed_cookie, chan->cookie,
				 min_t(size_t, residue, U32_MAX));
	}

	if (state)
		state->in_flight_bytes = 0;

	return status;
}

static int qemu_ep_dma_terminate_all(struct dma_chan *chan)
{
	struct qemu_ep_dma_chan *c = to_qemu_ep_dma_chan(chan);
	LIST_HEAD(terminated);

	scoped_guard(spinlock_irqsave, &c->lock) {
		/* Users also terminate finished transfers: the ring is then idle. */
		if (c->running) {
			qemu_ep_dma_reap(c);
			if (c->head != c->tail) {
				qemu_ep_dma_stop_ring(c);
				qemu_ep_dma_start_ring(c);
			}
		}

		list_splice_init(&c->completed, &terminated);
		list_splice_tail_init(&c->active, &terminated);
		list_splice_tail_init(&c->issued, &terminated);
		list_splice_tail_init(&c->submitted, &terminated);
		chan->completed_cookie = chan->cookie;
	}

	qemu_ep_dma_free_list(&terminated);

	return 0;
}

static void qemu_ep_dma_synchronize(struct dma_chan *chan)
{
	struct qemu_ep_dma_chan *c = to_qemu_ep_dma_chan(chan);

	guard(mutex)(&c->dma->lock);

	/* If it is not running, the interrupt is already freed. */
	if (c->running)
		synchronize_irq(c->irq);
}

static void qemu_ep_dma_release(struct dma_device *device)
{
	struct qemu_ep_dma *dma = to_qemu_ep_dma(device);

	mutex_destroy(&dma->lock);
	kfree(dma);
}

/* --- Probe and remove */

static void qemu_ep_dma_exit(void *data)
{
	struct qemu_ep_dma *dma = data;
	LIST_HEAD(completed);
	unsigned int i;

	scoped_guard(mutex, &dma->lock) {
		dma->gone = true;
		for (i = 0; i < dma->num_channels; i++)
			qemu_ep_dma_shut_down(&dma->channels[i], &completed);
	}
	qemu_ep_dma_run_callbacks(&completed);

	/* Calls qemu_ep_dma_release() once the last user has released its channel. */
	dma_async_device_unregister(&dma->device);
}

static void qemu_ep_dma_init_channel(struct qemu_ep *ep, struct qemu_ep_dma *dma, unsigned int i)
{
	struct qemu_ep_dma_chan *c = &dma->channels[i];

	c->dma = dma;
	c->regs = ep->regs + EPC_DMA_BASE + i * EPC_DMA_STRIDE;
	c->direction = i % 2 ? DMA_MEM_TO_DEV : DMA_DEV_TO_MEM;
	c->irq = pci_irq_vector(ep->pdev, QEMU_EP_VECTOR_DMA(i));
	snprintf(c->name, sizeof(c->name), QEMU_EP_NAME "-dma%u", i);
	spin_lock_init(&c->lock);
	INIT_LIST_HEAD(&c->prepared);
	INIT_LIST_HEAD(&c->submitted);
	INIT_LIST_HEAD(&c->issued);
	INIT_LIST_HEAD(&c->active);
	INIT_LIST_HEAD(&c->completed);

	c->chan.device = &dma->device;
	list_add_tail(&c->chan.device_node, &dma->device.channels);
}

static void qemu_ep_dma_init_device(struct qemu_ep *ep, struct dma_device *device, bool slave)
{
	device->dev = &ep->pdev->dev;
	INIT_LIST_HEAD(&device->channels);

	/* For endpoint functions, which request a channel, not for the kernel's own copies */
	dma_cap_set(DMA_PRIVATE, device->cap_mask);
	if (slave) {
		dma_cap_set(DMA_SLAVE, device->cap_mask);
		device->directions = BIT(DMA_DEV_TO_MEM) | BIT(DMA_MEM_TO_DEV);
		device->src_addr_widths = BIT(DMA_SLAVE_BUSWIDTH_1_BYTE) |
					  BIT(DMA_SLAVE_BUSWIDTH_2_BYTES) |
					  BIT(DMA_SLAVE_BUSWIDTH_4_BYTES) |
					  BIT(DMA_SLAVE_BUSWIDTH_8_BYTES);
		device->dst_addr_widths = device->src_addr_widths;
		device->device_caps = qemu_ep_dma_caps;
		device->device_config = qemu_ep_dma_config;
		device->device_prep_slave_sg = qemu_ep_dma_prep_slave_sg;
#ifdef EPC_HAS_PREP_CONFIG_SG
		device->device_prep_config_sg = qemu_ep_dma_prep_config_sg;
#endif
	} else {
		dma_cap_set(DMA_MEMCPY, device->cap_mask);
		device->device_prep_dma_memcpy = qemu_ep_dma_prep_memcpy;
	}

	device->residue_granularity = DMA_RESIDUE_GRANULARITY_SEGMENT;
	device->device_alloc_chan_resources = qemu_ep_dma_alloc_chan_resources;
	device->device_free_chan_resources = qemu_ep_dma_free_chan_resources;
	device->device_issue_pending = qemu_ep_dma_issue_pending;
	device->device_tx_status = qemu_ep_dma_tx_status;
	device->device_terminate_all = qemu_ep_dma_terminate_all;
	device->device_synchronize = qemu_ep_dma_synchronize;
	device->device_release = qemu_ep_dma_release;
}

int qemu_ep_dma_init(struct qemu_ep *ep)
{
	static const char * const modes[] = { "slave", "memcpy", "off" };
	struct device *dev = &ep->pdev->dev;
	struct qemu_ep_dma *dma_dev;
	unsigned int i;
	int mode, ret;

	mode = match_string(modes, ARRAY_SIZE(modes), dma_mode);
	if (mode < 0)
		return dev_err_probe(dev, -EINVAL, "parameter dma=%s: not slave, memcpy or off\n",
				     dma_mode);
	if (mode == 2 || !(ep->caps & EPC_FEATURE_DMA) || !ep->num_channels)
		return 0;

	dma_dev = kzalloc(struct_size(dma_dev, channels, ep->num_channels), GFP_KERNEL);
	if (!dma_dev)
		return -ENOMEM;

	dma_dev->num_channels = ep->num_channels;
	mutex_init(&dma_dev->lock);
	qemu_ep_dma_init_device(ep, &dma_dev->device, mode == 0);
	for (i = 0; i < ep->num_channels; i++)
		qemu_ep_dma_init_channel(ep, dma_dev, i);

	/* A descriptor's length has 32 bits. */
	dma_set_max_seg_size(dev, U32_MAX);

	ret = dma_async_device_register(&dma_dev->device);
	if (ret) {
		kfree(dma_dev);
		return dev_err_probe(dev, ret, "cannot register the DMA channels\n");
	}

	return devm_add_action_or_reset(dev, qemu_ep_dma_exit, dma_dev);
}

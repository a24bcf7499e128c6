// SPDX-License-Identifier: GPL-2.0-only
/*
 * Driver for EpfTest's virtual PCIe endpoint controller: the endpoint framework's operations.
 */

#include <linux/align.h>
#include <linux/bitfield.h>
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/completion.h>
#include <linux/iopoll.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-epc.h>
#include <linux/pci-epf.h>
#include <linux/sizes.h>
#include <linux/time64.h>

#include "pcie-qemu-ep.h"

/*
 * Translations may start anywhere. Whole pages are mapped nevertheless, because the mapped window
 * can map nothing smaller.
 */
#define QEMU_EP_OUTBOUND_ALIGN	SZ_4K

/* Time limit for QEMU to change a mapping; it takes less than a millisecond. */
#define QEMU_EP_WINDOW_SECONDS	5
#define QEMU_EP_WINDOW_POLL_US	100

/* How much of a new mapping is touched, in steps of Linux's default fault-around */
#define QEMU_EP_TOUCH_SIZE	SZ_4M
#define QEMU_EP_TOUCH_STEP	SZ_64K

static int qemu_ep_result_to_errno(struct qemu_ep *ep, u32 result)
{
	switch (result) {
	case EPC_RESULT_OK:
		return 0;
	case EPC_RESULT_INVALID:
	case EPC_RESULT_OVERLAP:
	case EPC_RESULT_NOT_ENABLED:
		return -EINVAL;
	case EPC_RESULT_NO_SPACE:
		return -ENOSPC;
	case EPC_RESULT_BUSY:
		return -EBUSY;
	case EPC_RESULT_LINK_DOWN:
		return -ENOLINK;
	case EPC_RESULT_NOT_MAPPABLE:
		return -EOPNOTSUPP;
	}

	if (PCI_POSSIBLE_ERROR(result))
		return -ENODEV;

	dev_err(&ep->pdev->dev, "unknown result %u\n", result);
	return -EIO;
}

/*
 * Apply the staged registers. Once the result has been read, no access goes through the old setting
 * any more.
 */
static int qemu_ep_commit(struct qemu_ep *ep, void __iomem *control, u32 value,
			  void __iomem *result)
{
	lockdep_assert_held(&ep->lock);

	writel(value, control);
	return qemu_ep_result_to_errno(ep, readl(result));
}

static int qemu_ep_fn_commit(struct qemu_ep *ep, struct qemu_ep_function *fn, u32 reg, u32 value)
{
	return qemu_ep_commit(ep, fn->regs + reg, value, fn->regs + EPC_FN_RESULT);
}

static struct qemu_ep_function *qemu_ep_function(struct qemu_ep *ep, u8 func_no, u8 vfunc_no)
{
	unsigned int i;

	for (i = 0; i < ep->num_functions; i++) {
		struct qemu_ep_function *fn = &ep->functions[i];

		if (fn->func_no == func_no && fn->vfunc_no == vfunc_no)
			return fn;
	}

	return NULL;
}

static int qemu_ep_write_header(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
				struct pci_epf_header *hdr)
{
	struct qemu_ep *ep = epc_get_drvdata(epc);
	struct qemu_ep_function *fn = qemu_ep_function(ep, func_no, vfunc_no);

	if (!fn)
		return -EINVAL;

	guard(mutex)(&ep->lock);

	writel(FIELD_PREP(EPC_FN_VENDOR, hdr->vendorid) |
	       FIELD_PREP(EPC_FN_DEVICE, hdr->deviceid),
	       fn->regs + EPC_FN_VENDOR_DEVICE);
	writel(FIELD_PREP(EPC_FN_REVISION, hdr->revid) |
	       FIELD_PREP(EPC_FN_PROGIF, hdr->progif_code) |
	       FIELD_PREP(EPC_FN_SUBCLASS, hdr->subclass_code) |
	       FIELD_PREP(EPC_FN_BASECLASS, hdr->baseclass_code),
	       fn->regs + EPC_FN_CLASS_REVISION);
	writel(FIELD_PREP(EPC_FN_SUBSYSTEM_VENDOR, hdr->subsys_vendor_id) |
	       FIELD_PREP(EPC_FN_SUBSYSTEM_ID, hdr->subsys_id),
	       fn->regs + EPC_FN_SUBSYSTEM);
	writel(FIELD_PREP(EPC_FN_CACHE_LINE_SIZE, hdr->cache_line_size) |
	       FIELD_PREP(EPC_FN_INTERRUPT_PIN, hdr->interrupt_pin),
	       fn->regs + EPC_FN_MISC);

	writel(0, fn->regs + EPC_FN_EVENT_MASK);

	return qemu_ep_fn_commit(ep, fn, EPC_FN_CONTROL, EPC_FN_CONTROL_PRESENT);
}

static void qemu_ep_stage_inbound(struct qemu_ep_function *fn, unsigned int entry, u64 offset,
				  u64 size, u64 target)
{
	void __iomem *regs = fn->regs + EPC_FN_INBOUND_BASE + entry * EPC_FN_INBOUND_STRIDE;

	lo_hi_writeq(offset, regs + EPC_FN_INBOUND_OFFSET_LO);
	lo_hi_writeq(size, regs + EPC_FN_INBOUND_SIZE_LO);
	lo_hi_writeq(target, regs + EPC_FN_INBOUND_TARGET_LO);
}

static int qemu_ep_stage_inbounds(struct qemu_ep *ep, struct qemu_ep_function *fn,
				  const struct pci_epf_bar *bar)
{
	unsigned int i, count = epc_bar_num_submap(bar);
	u64 offset = 0;
	size_t size;

	if (!count) {
		qemu_ep_stage_inbound(fn, 0, 0, bar->size, bar->phys_addr);
		return 1;
	}

	if (count > ep->num_inbounds)
		return -ENOSPC;

	/* The parts are contiguous and cover the BAR. */
	for (i = 0; i < count; i++) {
		size = epc_bar_submap_size(bar, i);
		if (!size || size > bar->size - offset)
			return -EINVAL;

		qemu_ep_stage_inbound(fn, i, offset, size, epc_bar_submap_addr(bar, i));
		offset += size;
	}

	return offset == bar->size ? count : -EINVAL;
}

static int qemu_ep_set_bar(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
			   struct pci_epf_bar *bar)
{
	struct qemu_ep *ep = epc_get_drvdata(epc);
	struct qemu_ep_function *fn = qemu_ep_function(ep, func_no, vfunc_no);
	void __iomem *regs;
	int inbounds, ret;
	bool set;

	if (!fn || bar->barno < BAR_0 || bar->barno > BAR_5)
		return -EINVAL;

	if (!is_power_of_2(bar->size))
		return -EINVAL;

	guard(mutex)(&ep->lock);

	/*
	 * A second call without clear_bar() in between replaces the inbound translations and keeps
	 * the address that the host assigned. The framework allows submaps only in such a call.
	 */
	set = test_bit(bar->barno, &fn->bars);
	if (set && !(ep->caps & EPC_FEATURE_DYNAMIC_INBOUND))
		return -EBUSY;
	if (!set && epc_bar_num_submap(bar))
		return -EINVAL;

	inbounds = qemu_ep_stage_inbounds(ep, fn, bar);
	if (inbounds < 0)
		return inbounds;

	regs = fn->regs + EPC_FN_BAR_BASE + bar->barno * EPC_FN_BAR_STRIDE;
	lo_hi_writeq(bar->size, regs + EPC_FN_BAR_SIZE_LO);
	writel(bar->flags & (EPC_FN_BAR_FLAG_IO | EPC_FN_BAR_FLAG_64BIT | EPC_FN_BAR_FLAG_PREFETCH),
	       regs + EPC_FN_BAR_FLAGS);

	ret = qemu_ep_commit(ep, regs + EPC_FN_BAR_CONTROL,
			     EPC_FN_BAR_CONTROL_ENABLE |
			     FIELD_PREP(EPC_FN_BAR_CONTROL_INBOUNDS, inbounds),
			     fn->regs + EPC_FN_RESULT);
	if (ret)
		return ret;

	__set_bit(bar->barno, &fn->bars);
	return 0;
}

static void qemu_ep_clear_bar(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
			      struct pci_epf_bar *bar)
{
	struct qemu_ep *ep = epc_get_drvdata(epc);
	struct qemu_ep_function *fn = qemu_ep_function(ep, func_no, vfunc_no);
	void __iomem *regs;
	int ret;

	if (!fn || bar->barno < BAR_0 || bar->barno > BAR_5)
		return;

	guard(mutex)(&ep->lock);

	regs = fn->regs + EPC_FN_BAR_BASE + bar->barno * EPC_FN_BAR_STRIDE;
	ret = qemu_ep_commit(ep, regs + EPC_FN_BAR_CONTROL, 0, fn->regs + EPC_FN_RESULT);
	if (ret)
		dev_err(&epc->dev, "function %u/%u: cannot clear BAR%d: %d\n", func_no, vfunc_no,
			bar->barno, ret);

	__clear_bit(bar->barno, &fn->bars);
}

#ifdef EPC_HAS_ALIGN_ADDR
/*
 * The framework uses the first window that has room, and tries no other one if the address cannot
 * be mapped there. So while the host's memory is private or in huge pages, and cannot be mapped,
 * all free parts of the mapped window are marked as taken.
 */
static void qemu_ep_window_offer(struct qemu_ep *ep)
{
	struct pci_epc_mem *mem = ep->epc->windows[QEMU_EP_WINDOW_MAPPED];
	bool take = readl(ep->regs + EPC_WINDOW_STATUS) & EPC_WINDOW_STATUS_UNSHARED;

	guard(mutex)(&mem->lock);

	if (take == !!ep->window_taken)
		return;

	if (take) {
		ep->window_taken = bitmap_alloc(mem->pages, GFP_KERNEL);
		if (!ep->window_taken)
			return;
		bitmap_complement(ep->window_taken, mem->bitmap, mem->pages);
		bitmap_fill(mem->bitmap, mem->pages);
		dev_info(&ep->pdev->dev,
			 "the host's memory cannot be mapped: mappings are in the trapped window\n");
	} else {
		bitmap_andnot(mem->bitmap, mem->bitmap, ep->window_taken, mem->pages);
		bitmap_free(ep->window_taken);
		ep->window_taken = NULL;
	}
}

static u64 qemu_ep_align_addr(struct pci_epc *epc, u64 pci_addr, size_t *size, size_t *offset)
{
	struct qemu_ep *ep = epc_get_drvdata(epc);
	size_t off = pci_addr & (QEMU_EP_OUTBOUND_ALIGN - 1);

	if (ep->window_size)
		qemu_ep_window_offer(ep);

	/* The caller maps in parts what exceeds a window. */
	if (*size > ep->max_map - off)
		*size = ep->max_map;
	else
		*size = ALIGN(off + *size, QEMU_EP_OUTBOUND_ALIGN);
	*offset = off;

	return pci_addr - off;
}
#endif

static void __iomem *qemu_ep_outbound_regs(struct qemu_ep *ep, unsigned int entry)
{
	return ep->regs + EPC_OUTBOUND_BASE + entry * EPC_OUTBOUND_STRIDE;
}

/*
 * QEMU changes a mapping only while no processor waits in an access to the controller, so the
 * result comes later. Reading it is also the barrier after which this processor sees the change.
 */
static int qemu_ep_commit_outbound(struct qemu_ep *ep, void __iomem *regs, u32 control)
{
	unsigned long left = QEMU_EP_WINDOW_SECONDS * HZ;
	u32 result;

	lockdep_assert_held(&ep->lock);

	reinit_completion(&ep->window_changed);
	writel(control, regs + EPC_OUTBOUND_CONTROL);

	/* Only a change in the mapped window needs a wait before the first read. */
	if (control & EPC_OUTBOUND_CONTROL_MAPPED)
		left = wait_for_completion_timeout(&ep->window_changed, left);

	while ((result = readl(regs + EPC_OUTBOUND_RESULT)) == EPC_RESULT_PENDING) {
		if (!left)
			return -ETIMEDOUT;
		left = wait_for_completion_timeout(&ep->window_changed, left);
	}

	return qemu_ep_result_to_errno(ep, result);
}

/*
 * In an untouched mapping the first write to each page is a page fault in QEMU; for a megabyte they
 * take as long as writing it. A read also faults in the pages around it, writable, as far as the
 * host kernel's fault-around reaches.
 */
static void qemu_ep_touch(struct qemu_ep *ep, phys_addr_t addr, size_t size)
{
	void __iomem *start = ep->window_virt + (addr - ep->window_base);
	size_t offset;

	if (!ep->window_virt)
		return;

	size = min_t(size_t, size, QEMU_EP_TOUCH_SIZE);
	for (offset = 0; offset < size; offset += QEMU_EP_TOUCH_STEP)
		readl(start + offset);
}

/* @base identifies the whole mapping to its user, @addr is the start of this part of it. */
static int qemu_ep_map_outbound(struct qemu_ep *ep, struct qemu_ep_function *fn, phys_addr_t base,
				phys_addr_t addr, u64 pci_addr, size_t size)
{
	resource_size_t start = pci_resource_start(ep->pdev, EPC_BAR_WINDOW);
	resource_size_t len = pci_resource_len(ep->pdev, EPC_BAR_WINDOW);
	u32 control = EPC_OUTBOUND_CONTROL_ENABLE |
		      FIELD_PREP(EPC_OUTBOUND_CONTROL_FUNCTION, fn - ep->functions);
	void __iomem *regs;
	unsigned int i;
	int ret;

	lockdep_assert_held(&ep->lock);

	if (ep->window_size && addr >= ep->window_base &&
	    addr - ep->window_base < ep->window_size) {
		if (!ep->window)
			return -ENODEV;
		start = ep->window_base;
		len = ep->window_size;
		control |= EPC_OUTBOUND_CONTROL_MAPPED;
		/* Not every caller uses align_addr(), but the rest of its last page is its own. */
		size = ALIGN(size, QEMU_EP_OUTBOUND_ALIGN);
	}

	if (addr < start || addr - start >= len || !size || size > len - (addr - start))
		return -EINVAL;

	for (i = 0; i < ep->num_outbounds; i++)
		if (!ep->outbounds[i].used)
			break;
	if (i == ep->num_outbounds)
		return -ENOSPC;

	regs = qemu_ep_outbound_regs(ep, i);
	/* Each write traps, so write both halves in one access where that exists. */
	writeq(addr - start, regs + EPC_OUTBOUND_OFFSET_LO);
	writeq(size, regs + EPC_OUTBOUND_SIZE_LO);
	writeq(pci_addr, regs + EPC_OUTBOUND_ADDRESS_LO);
	ret = qemu_ep_commit_outbound(ep, regs, control);
	if (ret == -ETIMEDOUT) {
		/* QEMU may still map it: neither the entry nor its addresses can be reused. */
		dev_err(&ep->pdev->dev, "QEMU has not mapped %pa within %u s\n", &addr,
			QEMU_EP_WINDOW_SECONDS);
		ep->outbounds[i].base = PHYS_ADDR_MAX;
		ep->outbounds[i].used = true;
	}
	if (ret)
		return ret;

	if (control & EPC_OUTBOUND_CONTROL_MAPPED)
		qemu_ep_touch(ep, addr, size);

	ep->outbounds[i].base = base;
	ep->outbounds[i].mapped = control & EPC_OUTBOUND_CONTROL_MAPPED;
	ep->outbounds[i].used = true;
	return 0;
}

static void qemu_ep_unmap_outbound(struct qemu_ep *ep, phys_addr_t base)
{
	void __iomem *regs;
	unsigned int i;
	int ret;

	lockdep_assert_held(&ep->lock);

	for (i = 0; i < ep->num_outbounds; i++) {
		if (!ep->outbounds[i].used || ep->outbounds[i].base != base)
			continue;

		regs = qemu_ep_outbound_regs(ep, i);
		ret = qemu_ep_commit_outbound(ep, regs, ep->outbounds[i].mapped ?
					      EPC_OUTBOUND_CONTROL_MAPPED : 0);
		if (ret)
			dev_err(&ep->pdev->dev, "cannot unmap %pa: %d\n", &base, ret);
		if (ret == -ETIMEDOUT)
			ep->outbounds[i].base = PHYS_ADDR_MAX;
		else
			ep->outbounds[i].used = false;
	}
}

static int qemu_ep_map_addr(struct pci_epc *epc, u8 func_no, u8 vfunc_no, phys_addr_t addr,
			    u64 pci_addr, size_t size)
{
	struct qemu_ep *ep = epc_get_drvdata(epc);
	struct qemu_ep_function *fn = qemu_ep_function(ep, func_no, vfunc_no);

	if (!fn)
		return -EINVAL;

	guard(mutex)(&ep->lock);

	return qemu_ep_map_outbound(ep, fn, addr, addr, pci_addr, size);
}

static void qemu_ep_unmap_addr(struct pci_epc *epc, u8 func_no, u8 vfunc_no, phys_addr_t addr)
{
	struct qemu_ep *ep = epc_get_drvdata(epc);

	guard(mutex)(&ep->lock);

	qemu_ep_unmap_outbound(ep, addr);
}

static int qemu_ep_set_msi(struct pci_epc *epc, u8 func_no, u8 vfunc_no, u8 nr_irqs)
{
	struct qemu_ep *ep = epc_get_drvdata(epc);
	struct qemu_ep_function *fn = qemu_ep_function(ep, func_no, vfunc_no);
	unsigned int vectors = epc_msi_from_core(nr_irqs);

	if (!fn || !vectors)
		return -EINVAL;

	guard(mutex)(&ep->lock);

	return qemu_ep_fn_commit(ep, fn, EPC_FN_MSI_SETUP, roundup_pow_of_two(vectors));
}

/* Number of vectors that the host allocated, or an error if it has not enabled MSI */
static int qemu_ep_msi_vectors(struct qemu_ep_function *fn)
{
	u32 state = readl(fn->regs + EPC_FN_MSI_STATE);
	unsigned int vectors = FIELD_GET(EPC_FN_MSI_STATE_VECTORS, state);

	if (PCI_POSSIBLE_ERROR(state))
		return -ENODEV;
	if (!(state & EPC_FN_MSI_STATE_ENABLED) || !vectors)
		return -EINVAL;

	return vectors;
}

static int qemu_ep_get_msi(struct pci_epc *epc, u8 func_no, u8 vfunc_no)
{
	struct qemu_ep *ep = epc_get_drvdata(epc);
	struct qemu_ep_function *fn = qemu_ep_function(ep, func_no, vfunc_no);
	int vectors;

	if (!fn)
		return -EINVAL;

	vectors = qemu_ep_msi_vectors(fn);
	if (vectors < 0)
		return vectors;

	return epc_msi_to_core(vectors);
}

static int qemu_ep_set_msix(struct pci_epc *epc, u8 func_no, u8 vfunc_no, u16 nr_irqs,
			    enum pci_barno bir, u32 offset)
{
	struct qemu_ep *ep = epc_get_drvdata(epc);
	struct qemu_ep_function *fn = qemu_ep_function(ep, func_no, vfunc_no);
	unsigned int vectors = epc_msix_from_core(nr_irqs);
	u32 pba = offset + vectors * PCI_MSIX_ENTRY_SIZE;

	if (!fn || !vectors || bir < BAR_0 || bir > BAR_5 || !IS_ALIGNED(offset, 8))
		return -EINVAL;

	guard(mutex)(&ep->lock);

	/* Endpoint functions leave room for the pending bits after the table. */
	writel((offset & EPC_FN_MSIX_OFFSET) | FIELD_PREP(EPC_FN_MSIX_BIR, bir),
	       fn->regs + EPC_FN_MSIX_TABLE);
	writel((pba & EPC_FN_MSIX_OFFSET) | FIELD_PREP(EPC_FN_MSIX_BIR, bir),
	       fn->regs + EPC_FN_MSIX_PBA);

	return qemu_ep_fn_commit(ep, fn, EPC_FN_MSIX_SETUP, vectors);
}

static int qemu_ep_get_msix(struct pci_epc *epc, u8 func_no, u8 vfunc_no)
{
	struct qemu_ep *ep = epc_get_drvdata(epc);
	struct qemu_ep_function *fn = qemu_ep_function(ep, func_no, vfunc_no);
	unsigned int vectors;
	u32 state;

	if (!fn)
		return -EINVAL;

	state = readl(fn->regs + EPC_FN_MSIX_STATE);
	if (PCI_POSSIBLE_ERROR(state))
		return -ENODEV;

	vectors = FIELD_GET(EPC_FN_MSIX_STATE_VECTORS, state);
	if (!(state & EPC_FN_MSIX_STATE_ENABLED) || !vectors)
		return -EINVAL;

	return epc_msix_to_core(vectors);
}

static int qemu_ep_raise_intx(struct qemu_ep *ep, struct qemu_ep_function *fn)
{
	int ret;

	/*
	 * The framework cannot lower the pin, so this is a pulse. That is enough: both changes
	 * reach the host side in order, and VFIO there takes the rise for an interrupt, which stays
	 * pending and masked until the host's driver has handled it.
	 */
	ret = qemu_ep_fn_commit(ep, fn, EPC_FN_INTX, EPC_FN_INTX_ASSERT);
	if (ret)
		return ret;

	return qemu_ep_fn_commit(ep, fn, EPC_FN_INTX, 0);
}

static int qemu_ep_raise_irq(struct pci_epc *epc, u8 func_no, u8 vfunc_no, unsigned int type,
			     u16 interrupt_num)
{
	struct qemu_ep *ep = epc_get_drvdata(epc);
	struct qemu_ep_function *fn = qemu_ep_function(ep, func_no, vfunc_no);

	if (!fn)
		return -EINVAL;

	/* The controller counts vectors from 0, and checks them. */
	if (type != PCI_IRQ_INTX && !interrupt_num)
		return -EINVAL;

	guard(mutex)(&ep->lock);

	switch (type) {
	case PCI_IRQ_INTX:
		return qemu_ep_raise_intx(ep, fn);
	case PCI_IRQ_MSI:
		return qemu_ep_fn_commit(ep, fn, EPC_FN_RAISE_MSI, interrupt_num - 1);
	case PCI_IRQ_MSIX:
		return qemu_ep_fn_commit(ep, fn, EPC_FN_RAISE_MSIX, interrupt_num - 1);
	default:
		dev_err(&epc->dev, "unknown interrupt type %u\n", type);
		return -EINVAL;
	}
}

static int qemu_ep_map_msi_irq(struct pci_epc *epc, u8 func_no, u8 vfunc_no, phys_addr_t phys_addr,
			       u8 interrupt_num, u32 entry_size, u32 *msi_data,
			       u32 *msi_addr_offset)
{
	struct qemu_ep *ep = epc_get_drvdata(epc);
	struct qemu_ep_function *fn = qemu_ep_function(ep, func_no, vfunc_no);
	unsigned int i, align;
	int vectors, ret;
	u32 data, offset;
	u64 msi_addr;

	if (!fn || entry_size < sizeof(u32))
		return -EINVAL;

	guard(mutex)(&ep->lock);

	vectors = qemu_ep_msi_vectors(fn);
	if (vectors < 0)
		return vectors;
	if (!interrupt_num || interrupt_num > vectors)
		return -EINVAL;

	msi_addr = lo_hi_readq(fn->regs + EPC_FN_MSI_ADDRESS_LO) & ~3ULL;
	data = readl(fn->regs + EPC_FN_MSI_DATA);

	/* The usual alignment of map_addr(), if the entries have room */
	align = min_t(u32, rounddown_pow_of_two(entry_size), QEMU_EP_OUTBOUND_ALIGN);
	offset = msi_addr & (align - 1);

	/* The host may have moved its MSI address: this call replaces an earlier one. */
	qemu_ep_unmap_outbound(ep, phys_addr);

	for (i = 0; i < interrupt_num; i++) {
		ret = qemu_ep_map_outbound(ep, fn, phys_addr,
					   phys_addr + (phys_addr_t)i * entry_size,
					   msi_addr - offset, entry_size);
		if (ret) {
			qemu_ep_unmap_outbound(ep, phys_addr);
			return ret;
		}
	}

	*msi_data = data & ~(vectors - 1);
	*msi_addr_offset = offset;
	return 0;
}

/* Called with @ep->lock held */
void qemu_ep_window_enable(struct qemu_ep *ep)
{
	lockdep_assert_held(&ep->lock);

	if (ep->window)
		writel(EPC_WINDOW_CONTROL_ENABLE, ep->regs + EPC_WINDOW_CONTROL);
}

/*
 * Unmap the whole mapped window, with @ep->lock held. Required before any register access that
 * disconnects the host, because that access holds up QEMU, and before the window's device is reset.
 */
void qemu_ep_window_disable(struct qemu_ep *ep)
{
	u32 status;

	lockdep_assert_held(&ep->lock);

	if (!(ep->caps & EPC_FEATURE_MAPPED_WINDOW))
		return;

	writel(0, ep->regs + EPC_WINDOW_CONTROL);
	/* A dead controller reads all ones, which ends the wait. */
	if (readl_poll_timeout(ep->regs + EPC_WINDOW_STATUS, status,
			       !(status & EPC_WINDOW_STATUS_BUSY) || PCI_POSSIBLE_ERROR(status),
			       QEMU_EP_WINDOW_POLL_US, QEMU_EP_WINDOW_SECONDS * USEC_PER_SEC))
		dev_err(&ep->pdev->dev, "QEMU has not unmapped the window within %u s\n",
			QEMU_EP_WINDOW_SECONDS);
}

/* Called with @ep->lock held, once the endpoint functions have set up their registers */
void qemu_ep_link_enable(struct qemu_ep *ep)
{
	lockdep_assert_held(&ep->lock);

	writel(EPC_LINK_CONTROL_ENABLE, ep->regs + EPC_LINK_CONTROL);
}

static void qemu_ep_remove_function(struct qemu_ep *ep, struct qemu_ep_function *fn)
{
	int ret;

	ret = qemu_ep_fn_commit(ep, fn, EPC_FN_CONTROL, 0);
	if (ret)
		dev_err(&ep->pdev->dev, "cannot remove function %u/%u: %d\n", fn->func_no,
			fn->vfunc_no, ret);

	fn->bars = 0;
}

static int qemu_ep_start(struct pci_epc *epc)
{
	struct qemu_ep *ep = epc_get_drvdata(epc);
	unsigned int i;

	guard(mutex)(&ep->lock);

	if (ep->started)
		return 0;

	/*
	 * Prevent unloading of the driver under its endpoint functions. The framework would do so
	 * through ops->owner, but it holds that reference as long as the EPC exists, so the driver
	 * could never be unloaded.
	 */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;

	/* The framework does not notify when an endpoint function is unlinked. */
	for (i = 0; i < ep->num_functions; i++) {
		struct qemu_ep_function *fn = &ep->functions[i];

		if (fn->func_no >= ep->max_functions ||
		    !test_bit(fn->func_no, &epc->function_num_map))
			qemu_ep_remove_function(ep, fn);
	}

	qemu_ep_window_enable(ep);

	/* While PERST# is asserted, the event of its deassertion enables the link. */
	ep->started = true;
	if (ep->initialized)
		qemu_ep_link_enable(ep);

	return 0;
}

static void qemu_ep_stop(struct pci_epc *epc)
{
	struct qemu_ep *ep = epc_get_drvdata(epc);

	guard(mutex)(&ep->lock);

	if (!ep->started)
		return;

	ep->started = false;
	qemu_ep_window_disable(ep);
	writel(0, ep->regs + EPC_LINK_CONTROL);
	readl(ep->regs + EPC_LINK_STATUS); /* after this the host has no access */
	module_put(THIS_MODULE);
}

static const struct pci_epc_features *qemu_ep_get_features(struct pci_epc *epc, u8 func_no,
							   u8 vfunc_no)
{
	struct qemu_ep *ep = epc_get_drvdata(epc);

	return &ep->features;
}

#ifdef EPC_HAS_AUX_RESOURCES
static int qemu_ep_get_aux_resources_count(struct pci_epc *epc, u8 func_no, u8 vfunc_no)
{
	struct qemu_ep *ep = epc_get_drvdata(epc);

	return ep->caps & EPC_FEATURE_DOORBELL ? 1 : 0;
}

static int qemu_ep_get_aux_resources(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
				     struct pci_epc_aux_resource *resources, int num_resources)
{
	struct qemu_ep *ep = epc_get_drvdata(epc);
	int irq;

	if (!(ep->caps & EPC_FEATURE_DOORBELL))
		return -EOPNOTSUPP;
	if (num_resources < 1)
		return -EINVAL;

	irq = qemu_ep_doorbell_irq(ep);
	if (irq < 0)
		return irq;

	/* The endpoint function requests the interrupt. */
	resources[0] = (struct pci_epc_aux_resource) {
		.type = PCI_EPC_AUX_DOORBELL_MMIO,
		.phys_addr = pci_resource_start(ep->pdev, EPC_BAR_REGS) + EPC_DOORBELL,
		.size = sizeof(u32),
		.bar = NO_BAR,
		.u.db_mmio = {
			.irq = irq,
			.data = 1, /* any value */
		},
	};

	return 0;
}
#endif

/* Disconnect the controller from the host, whatever its state. */
void qemu_ep_quiesce(struct qemu_ep *ep)
{
	unsigned int i;

	guard(mutex)(&ep->lock);

	writel(~0, ep->regs + EPC_EVENT_MASK);
	qemu_ep_window_disable(ep);
	writel(0, ep->regs + EPC_LINK_CONTROL);

	for (i = 0; i < ep->num_channels; i++)
		writel(EPC_DMA_CONTROL_RESET,
		       ep->regs + EPC_DMA_BASE + i * EPC_DMA_STRIDE + EPC_DMA_CONTROL);

	for (i = 0; i < ep->num_functions; i++) {
		writel(~0, ep->functions[i].regs + EPC_FN_EVENT_MASK);
		writel(0, ep->functions[i].regs + EPC_FN_CONTROL);
		ep->functions[i].bars = 0;
	}

	for (i = 0; i < ep->num_outbounds; i++) {
		writel(0, qemu_ep_outbound_regs(ep, i) + EPC_OUTBOUND_CONTROL);
		ep->outbounds[i].used = false;
	}

	readl(ep->regs + EPC_LINK_STATUS); /* wait for the writes above */
}

void qemu_ep_init_features(struct qemu_ep *ep)
{
	struct pci_epc_features *features = &ep->features;

	features->linkup_notifier = true;
	features->msi_capable = !!(ep->caps & EPC_FEATURE_MSI);
	features->msix_capable = !!(ep->caps & EPC_FEATURE_MSIX);
#ifdef EPC_HAS_INTX_CAPABLE
	features->intx_capable = !!(ep->caps & EPC_FEATURE_INTX);
#endif
#ifdef EPC_HAS_DYNAMIC_INBOUND
	features->dynamic_inbound_mapping = !!(ep->caps & EPC_FEATURE_DYNAMIC_INBOUND);
#endif
#ifdef EPC_HAS_SUBRANGE
	features->subrange_mapping = !!(ep->caps & EPC_FEATURE_SUBRANGE_INBOUND);
#endif

	/*
	 * Inbound translations accept any target. An alignment of a page makes the memory of small
	 * BARs whole pages, too, so that no BAR exposes unrelated memory to the host, and a BAR can
	 * be mapped by the host's QEMU.
	 */
	features->align = SZ_4K;

	/* All BARs are programmable, which is 0: any size, 32 or 64 bits. */
}

/* No owner: see qemu_ep_start(). */
const struct pci_epc_ops qemu_ep_epc_ops = {
	.write_header = qemu_ep_write_header,
	.set_bar = qemu_ep_set_bar,
	.clear_bar = qemu_ep_clear_bar,
#ifdef EPC_HAS_ALIGN_ADDR
	.align_addr = qemu_ep_align_addr,
#endif
	.map_addr = qemu_ep_map_addr,
	.unmap_addr = qemu_ep_unmap_addr,
	.set_msi = qemu_ep_set_msi,
	.get_msi = qemu_ep_get_msi,
	.set_msix = qemu_ep_set_msix,
	.get_msix = qemu_ep_get_msix,
	.raise_irq = qemu_ep_raise_irq,
	.map_msi_irq = qemu_ep_map_msi_irq,
	.start = qemu_ep_start,
	.stop = qemu_ep_stop,
	.get_features = qemu_ep_get_features,
#ifdef EPC_HAS_AUX_RESOURCES
	.get_aux_resources_count = qemu_ep_get_aux_resources_count,
	.get_aux_resources = qemu_ep_get_aux_resources,
#endif
};

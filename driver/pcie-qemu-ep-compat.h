/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels that this driver supports: 6.12 and later.
 *
 * Kbuild defines EPC_HAS_* for each feature that the kernel's headers have. Optional operations and
 * feature bits are tested where they are filled in; all other differences are hidden here.
 */
#ifndef PCIE_QEMU_EP_COMPAT_H
#define PCIE_QEMU_EP_COMPAT_H

#include <linux/kconfig.h>
#include <linux/log2.h>
#include <linux/pci-epc.h>
#include <linux/pci-epf.h>

#if !IS_ENABLED(CONFIG_PCI_ENDPOINT)
#error "pcie-qemu-ep needs a kernel with CONFIG_PCI_ENDPOINT"
#endif

#ifdef EPC_HAS_SUBRANGE

static inline unsigned int epc_bar_num_submap(const struct pci_epf_bar *bar)
{
	return bar->num_submap;
}

static inline dma_addr_t epc_bar_submap_addr(const struct pci_epf_bar *bar, unsigned int i)
{
	return bar->submap[i].phys_addr;
}

static inline size_t epc_bar_submap_size(const struct pci_epf_bar *bar, unsigned int i)
{
	return bar->submap[i].size;
}

#else

static inline unsigned int epc_bar_num_submap(const struct pci_epf_bar *bar)
{
	return 0;
}

static inline dma_addr_t epc_bar_submap_addr(const struct pci_epf_bar *bar, unsigned int i)
{
	return bar->phys_addr;
}

static inline size_t epc_bar_submap_size(const struct pci_epf_bar *bar, unsigned int i)
{
	return bar->size;
}

#endif /* EPC_HAS_SUBRANGE */

/*
 * Older kernels pass numbers of vectors to and from the operations in the capability's encoding:
 * the logarithm for MSI, one less for MSI-X. Newer ones pass plain numbers. In some stable
 * branches, such as 6.12, only set_msix() changed.
 */
#ifdef EPC_HAS_PLAIN_MSI

static inline unsigned int epc_msi_from_core(u8 nr_irqs)
{
	return nr_irqs;
}

static inline int epc_msi_to_core(unsigned int vectors)
{
	return vectors;
}

static inline int epc_msix_to_core(unsigned int vectors)
{
	return vectors;
}

#else

static inline unsigned int epc_msi_from_core(u8 interrupts)
{
	return 1U << interrupts;
}

static inline int epc_msi_to_core(unsigned int vectors)
{
	return ilog2(vectors);
}

static inline int epc_msix_to_core(unsigned int vectors)
{
	return vectors - 1;
}

#endif /* EPC_HAS_PLAIN_MSI */

static inline unsigned int epc_msix_from_core(u16 nr_irqs)
{
#ifdef EPC_HAS_PLAIN_SET_MSIX
	return nr_irqs;
#else
	return nr_irqs + 1;
#endif
}

#endif /* PCIE_QEMU_EP_COMPAT_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measurements of scripts/bench.sh in the EP guest's kernel. Reading a file in debugfs measures:
 *
 *   epf-bench/copy  memcpy_fromio() and memcpy_toio() between memory and the BAR of an ivshmem
 *                   device, of as many bytes as the large transfers of the endpoint self-test;
 *                   pci-epf-test does the same with an outbound window
 *   epf-bench/map   pci_epc_map_addr() and pci_epc_unmap_addr() of as many bytes
 */

#include <linux/debugfs.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-epc.h>
#include <linux/random.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#define BENCH_SIZE		1024000
#define BENCH_MAPS		100

/*
 * Of so many copies the quickest is shown, as of pci-epf-test's: now and then one takes ten times
 * as long, where the addresses of source and destination meet in TCG's TLB.
 */
#define BENCH_COPIES		3

/* ivshmem-plain, and the BAR that is its memory */
#define IVSHMEM_VENDOR		0x1af4
#define IVSHMEM_DEVICE		0x1110
#define IVSHMEM_BAR		2

static char *controller;
module_param(controller, charp, 0444);
MODULE_PARM_DESC(controller, "name of the endpoint controller");

static ullong host = 0x1000000;
module_param(host, ullong, 0444);
MODULE_PARM_DESC(host, "bus address of host memory to be mapped; nothing is read or written there");

static struct dentry *bench_dir;

/* Each time anew, as the framework does it with a window */
static void __iomem *bench_map_bar(struct pci_dev *pdev)
{
	return ioremap(pci_resource_start(pdev, IVSHMEM_BAR), BENCH_SIZE);
}

static int bench_read(struct pci_dev *pdev, const void *expected, u64 *ns)
{
	void __iomem *bar;
	u64 start;
	void *buf;
	int ret;

	buf = kzalloc(BENCH_SIZE, GFP_KERNEL);
	bar = bench_map_bar(pdev);
	if (!buf || !bar) {
		ret = -ENOMEM;
		goto out;
	}

	start = ktime_get_ns();
	memcpy_fromio(buf, bar, BENCH_SIZE);
	*ns = ktime_get_ns() - start;
	ret = memcmp(buf, expected, BENCH_SIZE) ? -EIO : 0;

out:
	if (bar)
		iounmap(bar);
	kfree(buf);
	return ret;
}

static int bench_write(struct pci_dev *pdev, const void *buf, u64 *ns)
{
	void __iomem *bar;
	u64 start;

	bar = bench_map_bar(pdev);
	if (!bar)
		return -ENOMEM;

	start = ktime_get_ns();
	memcpy_toio(bar, buf, BENCH_SIZE);
	*ns = ktime_get_ns() - start;
	iounmap(bar);
	return 0;
}

static int bench_copy(struct pci_dev *pdev, u64 *read, u64 *write)
{
	unsigned int i;
	u64 read_ns, write_ns;
	void *buf;
	int ret;

	if (pci_resource_len(pdev, IVSHMEM_BAR) < BENCH_SIZE)
		return -EFBIG;

	ret = pci_enable_device_mem(pdev);
	if (ret)
		return ret;

	*read = *write = U64_MAX;
	for (i = 0; i < BENCH_COPIES && !ret; i++) {
		buf = kmalloc(BENCH_SIZE, GFP_KERNEL);
		if (!buf) {
			ret = -ENOMEM;
			break;
		}

		get_random_bytes(buf, BENCH_SIZE);
		ret = bench_write(pdev, buf, &write_ns);
		if (!ret)
			ret = bench_read(pdev, buf, &read_ns);
		kfree(buf);
		if (ret)
			break;

		*read = min(*read, read_ns);
		*write = min(*write, write_ns);
	}

	pci_disable_device(pdev);
	return ret;
}

static int copy_show(struct seq_file *file, void *unused)
{
	struct pci_dev *pdev;
	u64 read, write;
	int ret;

	pdev = pci_get_device(IVSHMEM_VENDOR, IVSHMEM_DEVICE, NULL);
	if (!pdev)
		return -ENODEV;

	ret = bench_copy(pdev, &read, &write);
	pci_dev_put(pdev);
	if (ret)
		return ret;

	seq_printf(file, "read %llu ns, write %llu ns\n", read, write);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(copy);

static int bench_compare(const void *a, const void *b)
{
	u64 left = *(const u64 *)a, right = *(const u64 *)b;

	return left < right ? -1 : left > right;
}

/* Whether @addr is in a BAR of the controller's, where each access is a trap. */
static bool bench_is_trapped(struct pci_epc *epc, phys_addr_t addr)
{
	struct pci_dev *pdev = to_pci_dev(epc->dev.parent);
	struct resource range = DEFINE_RES_MEM(addr, BENCH_SIZE);

	return pci_find_resource(pdev, &range);
}

static int bench_maps(struct pci_epc *epc, phys_addr_t addr, u64 *times)
{
	unsigned int i;
	u64 start;
	int ret;

	for (i = 0; i < BENCH_MAPS; i++) {
		start = ktime_get_ns();
		ret = pci_epc_map_addr(epc, 0, 0, addr, host, BENCH_SIZE);
		if (ret)
			return ret;
		pci_epc_unmap_addr(epc, 0, 0, addr);
		times[i] = ktime_get_ns() - start;
	}

	return 0;
}

static int bench_map(struct pci_epc *epc, u64 *times, bool *trapped)
{
	void __iomem *window;
	phys_addr_t addr;
	int ret;

	window = pci_epc_mem_alloc_addr(epc, &addr, BENCH_SIZE);
	if (!window)
		return -ENOSPC;

	*trapped = bench_is_trapped(epc, addr);
	ret = bench_maps(epc, addr, times);
	pci_epc_mem_free_addr(epc, addr, window, BENCH_SIZE);
	return ret;
}

static int map_show(struct seq_file *file, void *unused)
{
	struct pci_epc *epc;
	unsigned int i;
	u64 *times, sum = 0;
	bool trapped;
	int ret;

	times = kcalloc(BENCH_MAPS, sizeof(*times), GFP_KERNEL);
	if (!times)
		return -ENOMEM;

	epc = pci_epc_get(controller);
	if (IS_ERR(epc)) {
		kfree(times);
		return PTR_ERR(epc);
	}

	ret = bench_map(epc, times, &trapped);
	pci_epc_put(epc);
	if (!ret) {
		for (i = 0; i < BENCH_MAPS; i++)
			sum += times[i];
		sort(times, BENCH_MAPS, sizeof(*times), bench_compare, NULL);
		seq_printf(file, "%s window: median %llu ns, mean %llu ns, longest %llu ns\n",
			   trapped ? "trapped" : "mapped", times[BENCH_MAPS / 2],
			   div_u64(sum, BENCH_MAPS), times[BENCH_MAPS - 1]);
	}

	kfree(times);
	return ret;
}
DEFINE_SHOW_ATTRIBUTE(map);

static int __init bench_init(void)
{
	bench_dir = debugfs_create_dir("epf-bench", NULL);
	debugfs_create_file("copy", 0400, bench_dir, NULL, &copy_fops);
	debugfs_create_file("map", 0400, bench_dir, NULL, &map_fops);
	return 0;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
	debugfs_remove(bench_dir);
}
module_exit(bench_exit);

MODULE_AUTHOR("EpfTest authors");
MODULE_DESCRIPTION("What scripts/bench.sh times in the EP guest");
MODULE_LICENSE("GPL");

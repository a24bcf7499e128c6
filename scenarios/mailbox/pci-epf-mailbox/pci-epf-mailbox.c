// SPDX-License-Identifier: GPL-2.0-only
/*
 * A minimal endpoint function: BAR0 is 4 KiB of memory, which the endpoint side
 * reads as /sys/kernel/debug/<name>/bar0.
 */

#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/pci-epc.h>
#include <linux/pci-epf.h>
#include <linux/sizes.h>
#include <linux/slab.h>

struct mailbox {
	struct dentry			*dir;
	struct debugfs_blob_wrapper	bar0;
};

static struct pci_epf_header mailbox_header = {
	.vendorid	= PCI_ANY_ID,
	.deviceid	= PCI_ANY_ID,
	.baseclass_code	= PCI_CLASS_OTHERS,
};

static int mailbox_epc_init(struct pci_epf *epf)
{
	int ret;

	ret = pci_epc_write_header(epf->epc, epf->func_no, epf->vfunc_no,
				   epf->header);
	if (ret)
		return ret;

	return pci_epc_set_bar(epf->epc, epf->func_no, epf->vfunc_no,
			       &epf->bar[BAR_0]);
}

static void mailbox_epc_deinit(struct pci_epf *epf)
{
	pci_epc_clear_bar(epf->epc, epf->func_no, epf->vfunc_no,
			  &epf->bar[BAR_0]);
}

static const struct pci_epc_event_ops mailbox_event_ops = {
	.epc_init	= mailbox_epc_init,
	.epc_deinit	= mailbox_epc_deinit,
};

static int mailbox_bind(struct pci_epf *epf)
{
	struct mailbox *mailbox = epf_get_drvdata(epf);
	const struct pci_epc_features *features;

	features = pci_epc_get_features(epf->epc, epf->func_no, epf->vfunc_no);
	if (!features)
		return -EOPNOTSUPP;

	mailbox->bar0.data = pci_epf_alloc_space(epf, SZ_4K, BAR_0, features,
						 PRIMARY_INTERFACE);
	if (!mailbox->bar0.data)
		return -ENOMEM;

	mailbox->bar0.size = SZ_4K;
	mailbox->dir = debugfs_create_dir(dev_name(&epf->dev), NULL);
	debugfs_create_blob("bar0", 0400, mailbox->dir, &mailbox->bar0);

	return 0;
}

static void mailbox_unbind(struct pci_epf *epf)
{
	struct mailbox *mailbox = epf_get_drvdata(epf);

	debugfs_remove(mailbox->dir);
	if (epf->epc->init_complete)
		mailbox_epc_deinit(epf);
	pci_epf_free_space(epf, mailbox->bar0.data, BAR_0, PRIMARY_INTERFACE);
}

static const struct pci_epf_ops mailbox_ops = {
	.bind	= mailbox_bind,
	.unbind	= mailbox_unbind,
};

static int mailbox_probe(struct pci_epf *epf,
			 const struct pci_epf_device_id *id)
{
	struct mailbox *mailbox;

	mailbox = devm_kzalloc(&epf->dev, sizeof(*mailbox), GFP_KERNEL);
	if (!mailbox)
		return -ENOMEM;

	epf->header = &mailbox_header;
	epf->event_ops = &mailbox_event_ops;
	epf_set_drvdata(epf, mailbox);

	return 0;
}

static const struct pci_epf_device_id mailbox_ids[] = {
	{ .name = "pci_epf_mailbox" },
	{ }
};

static struct pci_epf_driver mailbox_driver = {
	.driver.name	= "pci_epf_mailbox",
	.probe		= mailbox_probe,
	.id_table	= mailbox_ids,
	.ops		= &mailbox_ops,
	.owner		= THIS_MODULE,
};

static int __init mailbox_init(void)
{
	return pci_epf_register_driver(&mailbox_driver);
}
module_init(mailbox_init);

static void __exit mailbox_exit(void)
{
	pci_epf_unregister_driver(&mailbox_driver);
}
module_exit(mailbox_exit);

MODULE_AUTHOR("EpfTest authors");
MODULE_DESCRIPTION("Example endpoint function: memory behind a BAR");
MODULE_LICENSE("GPL");

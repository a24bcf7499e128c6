using EpfTest.EpcDevice;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.VfioUser;

return DeviceProcess.Run<EpcOptions>(args, (options, loggers) => new VfioUserServer(
    new EpcPciDevice(options.ParsePciId(), loggers.CreateLogger("epc")),
    options.Socket,
    loggers.CreateLogger("vfio-user")));

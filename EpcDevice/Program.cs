using EpfTest.EpcDevice;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging;

return DeviceProcess.Run<EpcOptions>(args, (options, loggers) =>
{
    ILogger logger = loggers.CreateLogger("epc");
    return new VfioUserServer(
        new EpcPciDevice(options.ParsePciId(), new EpcController(logger), logger),
        options.Socket,
        loggers.CreateLogger("vfio-user"));
});

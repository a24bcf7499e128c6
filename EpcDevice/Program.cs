using EpfTest.EpcDevice;
using EpfTest.Protocol.Hosting;

return DeviceProcess.Run<EpcOptions>(args, (options, loggers, fail) => new EpcService(options, loggers, fail));

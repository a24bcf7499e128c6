using EpfTest.EpcDevice;
using EpfTest.Protocol.Hosting;

return DeviceProcess.Run<EpcOptions>(args, (options, loggers) => new EpcService(options, loggers));

using EpfTest.EpfBridge;
using EpfTest.Protocol.Hosting;

return DeviceProcess.Run<BridgeOptions>(args, (options, loggers, _) => new RootPort(options, loggers));

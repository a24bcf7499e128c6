[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

return EpfTest.Rig.Verbs.Run(args);

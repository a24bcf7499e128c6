using EpfTest.Rig.Options;

return Verbs.Run(args);

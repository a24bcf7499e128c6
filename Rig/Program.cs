return EpfTest.Rig.Verbs.Run(args);

using EpfTest.Fuzz;

// scripts/fuzz.sh is the command to use.
return args switch
{
    ["--instrument", .. var assemblies] => Instrument(assemblies),
    ["--replay", var name, .. var paths] when FuzzTarget.All.TryGetValue(name, out Func<FuzzTarget>? make) =>
        Replay.Run(make, paths),
    ["--pick", var name, var destination, .. var paths]
        when FuzzTarget.All.TryGetValue(name, out Func<FuzzTarget>? make) => Replay.Pick(make, destination, paths),
    ["--fuzz", var library, var name, .. var options]
        when FuzzTarget.All.TryGetValue(name, out Func<FuzzTarget>? make) =>
        LibFuzzer.Run(library, ["Fuzz", .. options], make),
    ["--targets"] => List(),
    _ => Usage(),
};

static int Instrument(string[] assemblies)
{
    foreach (string assembly in assemblies)
    {
        int types = SharpFuzz.Fuzzer.Instrument(assembly, static _ => true, SharpFuzz.Options.Value).Count();
        Console.WriteLine($"{Path.GetFileName(assembly)}: {types} types instrumented");
    }

    return 0;
}

static int List()
{
    Console.WriteLine(string.Join('\n', FuzzTarget.All.Keys));
    return 0;
}

static int Usage()
{
    Console.Error.WriteLine(
        "usage: Fuzz --targets | --instrument ASSEMBLY... | --replay TARGET PATH... | --pick TARGET FOLDER PATH... | "
        + "--fuzz DRIVER TARGET OPTION...");
    return 64;
}

using System.Runtime.InteropServices;
using System.Text;

namespace EpfTest.Fuzz;

/// <summary>Runs libFuzzer in this process through <c>Fuzz/libfuzzer/driver.c</c>.</summary>
internal static unsafe class LibFuzzer
{
    private static FuzzTarget? s_target;

    /// <summary>Fuzzes until a limit in libFuzzer's options or a finding ends the process.</summary>
    /// <param name="library">The compiled driver.</param>
    /// <param name="arguments">The program's name, then libFuzzer's options and folders of inputs.</param>
    /// <param name="makeTarget">Makes the target.</param>
    public static int Run(string library, string[] arguments, Func<FuzzTarget> makeTarget)
    {
        nint driver = NativeLibrary.Load(library);
        Coverage.Locations = ((delegate* unmanaged<byte*>)NativeLibrary.GetExport(driver, "epftest_counters"))();
        s_target = makeTarget();
        byte** argv = (byte**)NativeMemory.AllocZeroed((nuint)(arguments.Length + 1), (nuint)sizeof(byte*));
        for (int i = 0; i < arguments.Length; i++)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(arguments[i] + '\0');
            argv[i] = (byte*)NativeMemory.Alloc((nuint)bytes.Length);
            bytes.CopyTo(new Span<byte>(argv[i], bytes.Length));
        }

        var fuzz = (delegate* unmanaged<int, byte**, delegate* unmanaged<byte*, nuint, int>, int>)
            NativeLibrary.GetExport(driver, "epftest_fuzz");
        return fuzz(arguments.Length, argv, &RunOne);
    }

    [UnmanagedCallersOnly]
    private static int RunOne(byte* data, nuint size)
    {
        try
        {
            Coverage.Begin();
            s_target!.Execute(new ReadOnlySpan<byte>(data, (int)size));
            return 0;
        }
        catch (Exception finding)
        {
            Console.Error.WriteLine($"finding: {finding}");
            return 1;
        }
    }
}

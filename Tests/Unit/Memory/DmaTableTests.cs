using EpfTest.Kit;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using FsCheck;
using FsCheck.Fluent;

namespace EpfTest.Unit.Memory;

/// <summary>The table against a model of it, and its promise about accesses that are under way.</summary>
internal sealed class DmaTableTests
{
    private const int FileSize = 8 * DmaTableModel.Unit;

    [Test]
    public void TableDoesWhatTheModelDoes() =>
        Prop.ForAll<DmaStep[]>(CompareWithModel).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));

    private static void CompareWithModel(DmaStep[] steps)
    {
        using var sealedFile = Memfd.Create(FileSize);
        using var shrinkableFile = Memfd.Create(FileSize, canShrink: true);
        using FileDescriptor readOnly = sealedFile.OpenReadOnly();
        byte[] sealedContents = new byte[FileSize];
        byte[] shrinkableContents = new byte[FileSize];
        (FileDescriptor? Descriptor, byte[]? Contents, bool IsWritable)[] files =
        [
            (null, null, true),
            (sealedFile.Descriptor, sealedContents, true),
            (shrinkableFile.Descriptor, shrinkableContents, true),
            (readOnly, sealedContents, false),
        ];
        var model = new DmaTableModel();
        var messenger = new DmaTableModel();
        using var table = new DmaTable(messenger);

        foreach ((byte kind, byte start, byte length, byte detail) in steps)
        {
            ulong address = DmaTableModel.FirstAddress + (ulong)(start % 32 * DmaTableModel.Unit);
            ulong size = (ulong)(length % 6 * DmaTableModel.Unit);
            switch (kind % 8)
            {
                case <= 2:
                    var access = (DmaAccess)(detail % 4 == 0 ? 1 : 3);
                    ulong offset = (ulong)(detail / 4 % 8 * DmaTableModel.Unit);
                    var (descriptor, contents, isWritable) = files[detail / 32 % files.Length];
                    Errno mapped = table.Map(
                        address, size, access, descriptor?.Duplicate(), offset, mayMap: true, out DmaRange _);
                    Assert.That(mapped, Is.EqualTo(model.Map(address, size, access, contents, offset, isWritable)));
                    break;
                case 3:
                    // Three times as much, so that there are several ranges in it; up to the last address at most.
                    ulong last = address + ((size * 3) - 1);
                    last = size == 0 || last < address ? ulong.MaxValue : last;
                    bool isWhole = table.Ranges.TryFindInside(address, last, out DmaRange[] inside);
                    Assert.That(isWhole, Is.EqualTo(model.Unmap(address, last)));
                    if (isWhole)
                    {
                        table.Unmap(inside);
                    }

                    break;
                case 4 when detail < 32:
                    table.UnmapAll();
                    model.UnmapAll();
                    break;
                case <= 5:
                    byte[] written = [.. Enumerable.Range(0, length).Select(i => (byte)(detail + i))];
                    Assert.That(
                        table.Write(address + (detail % 16u), written),
                        Is.EqualTo(model.Access(address + (detail % 16u), written, DmaAccess.Write)));
                    break;
                default:
                    byte[] read = new byte[length];
                    byte[] expected = new byte[length];
                    Errno result = table.Read(address + (detail % 16u), read);
                    Assert.That(
                        result, Is.EqualTo(model.Access(address + (detail % 16u), expected, DmaAccess.Read)));
                    Assert.That(result != Errno.None || read.AsSpan().SequenceEqual(expected));
                    break;
            }

            Assert.That(table.Count, Is.EqualTo(model.Count));
            Assert.That(table.Ranges.ToArray(), Is.Ordered.By(nameof(DmaRange.Address)));
        }

        Assert.That(sealedFile.Read(0, FileSize), Is.EqualTo(sealedContents));
        Assert.That(shrinkableFile.Read(0, FileSize), Is.EqualTo(shrinkableContents));
        Assert.That(messenger.MessageMemory, Is.EqualTo(model.MessageMemory));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void AccessAllocatesNothing(bool canShrink)
    {
        using var memfd = Memfd.Create(4096, canShrink);
        using var table = new DmaTable(new DmaTableModel());
        table.Map(0x1000, 4096, DmaAccess.Read | DmaAccess.Write, memfd.Descriptor.Duplicate(), 0, mayMap: true, out _);
        byte[] data = new byte[64];
        MoveData();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            MoveData();
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);

        void MoveData()
        {
            table.Write(0x1008, data);
            table.Read(0x1003, data);
        }
    }

    [Test]
    [Category("Stress")]
    public void NothingIsWrittenWhileSuspended()
    {
        using var memfd = Memfd.Create(4096);
        using var table = new DmaTable(new DmaTableModel());
        table.Map(0, 4096, DmaAccess.Read | DmaAccess.Write, memfd.Descriptor.Duplicate(), 0, mayMap: true, out _);
        byte round = 0;
        using var writer = new StressLoop(_ => table.Write(0, Enumerable.Repeat(++round, 4096).ToArray()));
        for (int i = 0; i < 20; i++)
        {
            writer.WaitForMore();
            table.IsSuspended = true;
            byte[] then = memfd.Read(0, 4096);
            writer.WaitForMore();
            Assert.That(memfd.Read(0, 4096), Is.EqualTo(then));
            Assert.That(table.Read(0, then), Is.EqualTo(Errno.EPERM));
            table.IsSuspended = false;
        }
    }

    [Test]
    [Category("Stress")]
    public void TableMayBeDisposedWhileThreadsUseIt()
    {
        for (int round = 0; round < 20; round++)
        {
            using var memfd = Memfd.Create(4096);
            var table = new DmaTable(new DmaTableModel());
            table.Map(0, 4096, DmaAccess.Read, memfd.Descriptor.Duplicate(), 0, mayMap: true, out _);
            using var reading = new CountdownEvent(2);
            Task[] readers = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
            {
                reading.Signal();
                while (table.Read(0, new byte[8]) == Errno.None)
                {
                }
            }))];
            reading.Wait(Wait.Limit);
            table.Dispose();
            Wait.For(Task.WhenAll(readers));
        }
    }
}

using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;

namespace EpfTest.Unit.VfioUser;

/// <summary>After the reply to an unmap no access reaches the memory.</summary>
[Category("Stress")]
internal sealed class DmaConcurrencyTests : ConnectedFixture
{
    private const int Size = 0x4000;
    private const int Rounds = 40;
    private const int Threads = 3;

    [TestCase(false)]
    [TestCase(true)]
    public void NothingIsWrittenAfterTheReplyToAnUnmap(bool canShrink)
    {
        using var memfd = Memfd.Create(Size, canShrink);
        long accesses = 0;
        long refusals = 0;
        bool stop = false;
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(_ => new Thread(Access))];
        Array.ForEach(threads, thread => thread.Start());
        try
        {
            for (int round = 0; round < Rounds; round++)
            {
                Assert.That(
                    Client.Try(RawCommand.DmaMap, RawPayload.DmaMap(0x10000, Size), memfd.Descriptor),
                    Is.EqualTo(Errno.None));
                WaitForMore(ref accesses, "the threads write");
                Assert.That(
                    Client.Try(RawCommand.DmaUnmap, RawPayload.DmaUnmap(0x10000, Size)), Is.EqualTo(Errno.None));
                byte[] then = memfd.Read(0, Size);
                WaitForMore(ref refusals, "the threads are refused");
                Assert.That(memfd.Read(0, Size), Is.EqualTo(then), $"round {round}");
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            Array.ForEach(threads, thread => thread.Join());
        }

        void Access()
        {
            byte[] data = new byte[Size];
            byte[] copy = new byte[Size];
            for (byte value = 1; !Volatile.Read(ref stop); value++)
            {
                // One large and one small access: a vectorised copy and a single store.
                data.AsSpan().Fill(value);
                Errno large = Server.Memory.Write(0x10000, data);
                Errno small = Server.Memory.Write(0x10000 + Size - 8, data.AsSpan(0, 8));
                Errno read = Server.Memory.Read(0x10000, copy);
                Interlocked.Increment(ref large == Errno.None ? ref accesses : ref refusals);
                if (large is not (Errno.None or Errno.EFAULT)
                    || small is not (Errno.None or Errno.EFAULT)
                    || read is not (Errno.None or Errno.EFAULT))
                {
                    // Neither counter moves any more, so the test ends with what it waited for.
                    return;
                }
            }
        }

        static void WaitForMore(ref long counter, string what)
        {
            long before = Interlocked.Read(ref counter);
            long goal = before + (2 * Threads);
            var waiter = default(SpinWait);
            DateTime limit = DateTime.UtcNow + Wait.Limit;
            while (Interlocked.Read(ref counter) < goal)
            {
                Assert.That(DateTime.UtcNow, Is.LessThan(limit), $"waited in vain until {what}");
                waiter.SpinOnce();
            }
        }
    }
}

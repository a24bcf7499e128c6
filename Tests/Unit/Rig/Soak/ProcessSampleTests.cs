using EpfTest.Rig.Soak;

namespace EpfTest.Unit.Rig.Soak;

internal sealed class ProcessSampleTests
{
    [Test]
    public void ARunningProcessHasMemoryDescriptorsAndThreads()
    {
        ProcessSample? sample = ProcessSample.Take(7, "Unit", "/proc/self");
        Assert.Multiple(() =>
        {
            Assert.That(sample?.Seconds, Is.EqualTo(7));
            Assert.That(sample?.PrivateMemory, Is.GreaterThan(1000));
            Assert.That(sample?.FileMemory, Is.GreaterThan(1000));
            Assert.That(sample?.Descriptors, Is.GreaterThan(3));
            Assert.That(sample?.Threads, Is.GreaterThan(1));
            Assert.That(sample?.ToString(), Does.Match(@"^7 Unit( \d+){4}$"));
        });
    }

    [Test]
    public void AProcessThatHasEndedHasNone() =>
        Assert.That(ProcessSample.Take(0, "Unit", "/proc/2147483647"), Is.Null);
}

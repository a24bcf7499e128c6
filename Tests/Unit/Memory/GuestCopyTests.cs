using EpfTest.Protocol.Memory;

namespace EpfTest.Unit.Memory;

internal sealed unsafe class GuestCopyTests
{
    private const int Margin = 8;

    [Test]
    public void JustTheBytesAreCopied([Range(0, 9)] int offset, [Values(0, 1, 2, 3, 4, 7, 8, 9, 16, 33)] int length)
    {
        byte[] ours = [.. Enumerable.Range(1, length).Select(i => (byte)i)];
        byte[] memory = new byte[offset + length + Margin];
        Array.Fill(memory, byte.MaxValue);
        byte[] copy = new byte[length];

        // The array is pinned, and offset + length is within it.
        fixed (byte* guest = memory)
        {
            GuestCopy.ToGuest(ours, guest + offset);
            GuestCopy.FromGuest(guest + offset, copy);
        }

        Assert.That(copy, Is.EqualTo(ours));
        Assert.That(memory.AsSpan(offset, length).ToArray(), Is.EqualTo(ours));
        Assert.That(memory[..offset].Concat(memory[(offset + length)..]), Is.All.EqualTo(byte.MaxValue));
    }
}

namespace EpfTest.Protocol.Link;

/// <summary>Takes the data of a read as it arrives, in any order.</summary>
internal interface IReadTarget
{
    /// <summary>Takes data. Called by the receiving thread, which must not wait.</summary>
    /// <param name="offset">Offset in the data that is read, in bytes.</param>
    void Put(int offset, ReadOnlySpan<byte> data);
}

namespace EpfTest.Protocol.Link;

/// <summary>Takes the data of a read as it comes, in any order.</summary>
internal interface IReadTarget
{
    /// <summary>Takes data. Called by the link's receiving thread, which must not be kept waiting.</summary>
    /// <param name="offset">Where in what is read it belongs, in bytes.</param>
    /// <param name="data">The data.</param>
    void Put(int offset, ReadOnlySpan<byte> data);
}

namespace EpfTest.EpcDevice.Registers;

/// <summary>A group of 32-bit registers.</summary>
internal interface IRegisterBlock
{
    /// <param name="offset">Bytes, a multiple of 4.</param>
    /// <returns>0 where there is no register.</returns>
    uint Read(int offset);

    /// <summary>Ignored where there is no register.</summary>
    /// <param name="offset">Bytes, a multiple of 4.</param>
    /// <param name="value">The value.</param>
    void Write(int offset, uint value);
}

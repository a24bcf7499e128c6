namespace EpfTest.EpcDevice.Registers;

/// <summary>A group of 32-bit registers.</summary>
internal interface IRegisterBlock
{
    /// <summary>The register at <paramref name="offset"/> bytes, a multiple of 4; 0 where there is none.</summary>
    uint Read(int offset);

    /// <summary>Writes the register at <paramref name="offset"/> bytes, a multiple of 4; does nothing where there is none.</summary>
    void Write(int offset, uint value);
}

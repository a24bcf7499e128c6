using System.Text.Json.Serialization;

namespace EpfTest.Rig.Results;

/// <summary>An error of QEMU's, and whether it is expected.</summary>
internal sealed record JudgedError([property: JsonIgnore] QemuError Error, [property: JsonIgnore] Judgement Judgement)
{
    public string Line => Error.Line;

    public int Count => Error.Count;

    public bool IsExpected => Judgement.IsExpected;

    public string Remark => Judgement.Remark;
}

using EpfTest.Protocol.Pcie.Tlp;
using FsCheck;
using FsCheck.Fluent;

namespace EpfTest.Unit.Pcie.Tlp;

/// <summary>Generators of what the codec works on.</summary>
internal static class TlpGen
{
    public static readonly Gen<int> PayloadSize = Gen.Elements(128, 256, 512, 1024, 2048, 4096);
    public static readonly Gen<int> Rcb = Gen.Elements(64, 128);
    public static readonly Gen<Bdf> Id = Gen.Choose(0, ushort.MaxValue).Select(v => new Bdf((ushort)v));
    public static readonly Gen<int> Tag = Gen.Choose(0, 1023);

    private static readonly Gen<uint> s_word = Gen.Choose(int.MinValue, int.MaxValue).Select(v => (uint)v);

    /// <summary>Anywhere below and above 4 GiB, and often just beside a 4 KiB boundary, of 4 GiB too.</summary>
    public static readonly Gen<ulong> Address = Gen.OneOf(
        s_word.Select(v => (ulong)v),
        from high in s_word from low in s_word select ((ulong)high << 32) | low,
        from page in Gen.Choose(1, int.MaxValue) from d in Gen.Choose(-130, 130) select (ulong)(((long)page << 12) + d),
        Gen.Choose(-5000, 5000).Select(d => (ulong)((1L << 32) + d)));

    /// <summary>A range that a single request can ask for; of no bytes too.</summary>
    public static readonly Gen<(ulong Address, int Length)> RequestRange =
        from address in Address
        let limit = 4096 - (int)(address % 4096)
        from length in Gen.OneOf(Gen.Choose(0, Math.Min(16, limit)), Gen.Choose(0, limit))
        select (address, length);

    public static readonly Gen<TlpHeader> Header = Gen.OneOf(
        Memory((range, id, tag) => TlpHeader.MemoryRead(range.Address, range.Length, id, tag)),
        Memory((range, id, tag) => TlpHeader.MemoryWrite(range.Address, range.Length, id, tag)),
        // AtomicOps and TH, which have no factory: CAS, and a write and a read with a hint.
        Gen.Elements(
            "4E000004 01130500 00001008", "40010001 0113770F 00001002", "20010002 01130935 00000001 00001001")
            .Select(TlpExtensions.Decode),
        from q in Memory((range, id, tag) => TlpHeader.MemoryRead(range.Address & ~7UL, 8, id, tag))
        from first in Gen.Choose(1, 15)
        from last in Gen.Choose(1, 15)
        select q with { FirstByteEnables = first, LastByteEnables = last },
        OneDw((address, count, id, tag) => TlpHeader.IoRead(address, count, id, tag)),
        OneDw((address, count, id, tag) => TlpHeader.IoWrite(address, count, id, tag)),
        OneDw((address, count, id, tag) =>
            TlpHeader.ConfigurationRead(new Bdf((ushort)(address >> 12)), (int)(address & 0xFFF), count, id, tag)),
        OneDw((address, count, id, tag) =>
            TlpHeader.ConfigurationWrite(new Bdf((ushort)address), (int)(address & 0xFFF), count, id, tag)),
        from request in Memory((range, id, tag) => TlpHeader.MemoryRead(range.Address, range.Length, id, tag))
        from id in Id
        from status in Gen.Choose(0, 7)
        select TlpHeader.Completion(request, id, (CompletionStatus)status),
        from request in Memory((range, id, tag) => TlpHeader.MemoryRead(range.Address, range.Length, id, tag))
        from id in Id
        select TlpHeader.CompletionData(request, id),
        from code in Gen.Elements(Enum.GetValues<MessageCode>().Where(c => c.RequiredRouting() != null).ToArray())
        where code != MessageCode.Set_Slot_Power_Limit
        from id in Id
        select TlpHeader.Message(code, id),
        from id in Id
        from target in Id
        from vendor in Id
        from data in s_word
        from length in Gen.Choose(0, 1024)
        select TlpHeader.VendorDefined(
            MessageCode.Vendor_Defined_Type_1, MessageRouting.ById, target, vendor.Value, data, id, length));

    public static Arbitrary<T> ToArb<T>(this Gen<T> gen) => Arb.From(gen);

    private static Gen<TlpHeader> Memory(Func<(ulong Address, int Length), Bdf, int, TlpHeader> make) =>
        from range in RequestRange
        from id in Id
        from tag in Tag
        from tc in Gen.Choose(0, 7)
        from attributes in Gen.Choose(0, 7)
        from poisoned in Gen.Elements(false, true)
        from at in Gen.Choose(0, 3)
        select make(range, id, tag) with
        {
            TrafficClass = tc,
            Attributes = (TlpAttributes)attributes,
            Poisoned = poisoned,
            AddressType = (AddressType)at,
        };

    private static Gen<TlpHeader> OneDw(Func<uint, int, Bdf, int, TlpHeader> make) =>
        from address in s_word
        from count in Gen.Choose(1, 4 - (int)(address & 3))
        from id in Id
        from tag in Tag
        select make(address, count, id, tag);
}

namespace EpfTest.Protocol.Pcie;

/// <summary>A function of the endpoint: a physical function, or one of its virtual functions.</summary>
internal readonly record struct FunctionId
{
    /// <summary>The most physical functions of a device.</summary>
    public const int MaxPhysical = 8;

    /// <summary>The most virtual functions of a physical one, so that all fit on one bus.</summary>
    public const int MaxVirtual = 31;

    /// <summary>One more than the highest <see cref="Number"/>.</summary>
    public const int MaxNumber = (MaxVirtual + 1) * MaxPhysical;

    /// <summary>A function by its numbers.</summary>
    /// <param name="physical">Physical function, 0 to 7.</param>
    /// <param name="virtualFunction">Virtual function, from 1; 0 for the physical function itself.</param>
    public FunctionId(int physical, int virtualFunction = 0)
        : this((ushort)((virtualFunction * MaxPhysical) + physical))
    {
    }

    private FunctionId(ushort number) => Number = number;

    /// <summary>The number that frames of the link carry: device (virtual function) and function (physical one) of the
    /// requester ID.</summary>
    public ushort Number { get; }

    /// <summary>Physical function, 0 to 7.</summary>
    public int Physical => Number % MaxPhysical;

    /// <summary>Virtual function, from 1; 0 for the physical function itself.</summary>
    public int Virtual => Number / MaxPhysical;

    /// <summary>The function that a frame is about.</summary>
    public static FunctionId FromNumber(ushort number) => new(number);

    /// <inheritdoc/>
    public override string ToString() => Virtual == 0 ? $"{Physical}" : $"{Physical}.{Virtual}";
}

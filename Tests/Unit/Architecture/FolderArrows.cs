using dnlib.DotNet;
using EpfTest.Kit;

namespace EpfTest.Unit.Architecture;

/// <summary>
/// Which folders of the product use which. The metadata shows types of a parent folder, which need no <c>using</c>. The
/// <c>using</c> lines show constants, which the compiler inlines.
/// </summary>
internal static class FolderArrows
{
    private const string Root = "EpfTest.";

    private static readonly (string Folder, string Assembly)[] s_projects =
        [("Protocol", "Protocol"), ("EpcDevice", "EpcDevice"), ("EpfBridge", "EpfBridge"), ("Rig", "epftest")];

    public static IReadOnlySet<(string From, string To)> Read()
    {
        var arrows = new HashSet<(string From, string To)>();
        foreach ((string project, string assembly) in s_projects)
        {
            using var module = ModuleDefMD.Load(Path.Combine(AppContext.BaseDirectory, assembly + ".dll"));
            foreach (TypeDef type in module.GetTypes())
            {
                arrows.UnionWith(Uses(type).SelectMany(Leaves).Select(used => (FolderOf(type), FolderOf(used))));
            }

            foreach (SourceFile file in SourceFile.All.Where(file => file.IsBelow(project)))
            {
                arrows.UnionWith(file.Usings.Where(IsOurs).Select(used => (file.Folder, FolderOf(used))));
            }
        }

        arrows.RemoveWhere(arrow => arrow.From == arrow.To || arrow.From == "" || arrow.To == "");
        return arrows;
    }

    private static IEnumerable<TypeSig?> Uses(TypeDef type) =>
    [
        type.BaseType?.ToTypeSig(),
        .. type.Interfaces.Select(item => item.Interface.ToTypeSig()),
        .. type.Fields.Select(field => field.FieldType),
        .. type.Methods.SelectMany(method => Signature(method.MethodSig)),
        .. type.Methods.Where(method => method.HasBody).SelectMany(
            method => method.Body.Variables.Select(local => local.Type)),
        .. type.Methods.Where(method => method.HasBody)
            .SelectMany(method => method.Body.Instructions).SelectMany(instruction => Uses(instruction.Operand)),
    ];

    private static IEnumerable<TypeSig?> Uses(object? operand) => operand switch
    {
        ITypeDefOrRef type => [type.ToTypeSig()],
        MethodSpec method => [.. Uses(method.Method), .. method.GenericInstMethodSig.GenericArguments],
        IField { IsField: true } field => [field.DeclaringType.ToTypeSig(), field.FieldSig.Type],
        IMethod method => [method.DeclaringType.ToTypeSig(), .. Signature(method.MethodSig)],
        _ => [],
    };

    private static IEnumerable<TypeSig?> Signature(MethodSig signature) => [signature.RetType, .. signature.Params];

    /// <summary>The types that a signature is made of.</summary>
    private static IEnumerable<ITypeDefOrRef> Leaves(TypeSig? signature) => signature switch
    {
        null => [],
        GenericInstSig generic => [generic.GenericType.TypeDefOrRef, .. generic.GenericArguments.SelectMany(Leaves)],
        TypeDefOrRefSig leaf => [leaf.TypeDefOrRef],
        FnPtrSig pointer => Signature(pointer.MethodSig).SelectMany(Leaves),
        _ => Leaves(signature.Next),
    };

    private static string FolderOf(ITypeDefOrRef type)
    {
        while (type.DeclaringType is { } outer)
        {
            type = outer;
        }

        return IsOurs(type.Namespace) ? FolderOf(type.Namespace) : "";
    }

    private static bool IsOurs(string name) => name.StartsWith(Root, StringComparison.Ordinal);

    private static string FolderOf(string name) => name[Root.Length..].Replace('.', '/');
}

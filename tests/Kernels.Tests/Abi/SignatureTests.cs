using System.Reflection;
using System.Text.RegularExpressions;
using KServePaged.Engine.Kernels;

namespace KServePaged.Kernels.Tests.Abi;

/// <summary>No compiler sees both sides of a function pointer: each signature is read out of its header and compared.</summary>
public sealed partial class SignatureTests
{
    public static TheoryData<string> Functions => [.. Declarations.Keys];

    private static Dictionary<string, (string Result, string[] Parameters)> Declarations { get; } = CHeaders.Families
        .SelectMany(family => Declaration().Matches(Comment().Replace(CHeaders.Text(family), " ")))
        .ToDictionary(match => match.Groups["name"].Value, match => (match.Groups["result"].Value, Parameters(match.Groups["parameters"].Value)));

    [Theory]
    [MemberData(nameof(Functions))]
    public void ManagedField_HasTheTypesOfTheHeader(string function)
    {
        FieldInfo? field = typeof(NativeKernels).GetField(function);
        Assert.NotNull(field);
        (string result, string[] parameters) = Declarations[function];
        Assert.Equal(ManagedType(result), field.FieldType.GetFunctionPointerReturnType());
        Assert.Equal(parameters.Select(ManagedType), field.FieldType.GetFunctionPointerParameterTypes());
        Assert.True(field.FieldType.IsUnmanagedFunctionPointer);
    }

    [Fact]
    public void Constants_HaveTheValuesOfTheHeader()
    {
        (string C, long Managed)[] pairs =
        [
            ("KP_ABI_VERSION", KernelLibrary.AbiVersion),
            ("KP_OK", (long)KernelStatus.Ok), ("KP_INVALID_ARGUMENT", (long)KernelStatus.InvalidArgument),
            ("KP_OUT_OF_MEMORY", (long)KernelStatus.OutOfMemory), ("KP_UNSUPPORTED", (long)KernelStatus.Unsupported),
            ("KP_DEVICE_ERROR", (long)KernelStatus.DeviceError), ("KP_INTERNAL", (long)KernelStatus.Internal),
            ("KP_INVALID_DATA", (long)KernelStatus.InvalidData),
            ("KP_F32", (long)ElementType.Float32), ("KP_BF16", (long)ElementType.BFloat16), ("KP_F16", (long)ElementType.Float16),
            ("KP_ISA_AUTO", (long)Isa.Auto), ("KP_ISA_SCALAR", (long)Isa.Scalar), ("KP_ISA_AVX2", (long)Isa.Avx2),
            ("KP_ISA_AVX512", (long)Isa.Avx512), ("KP_ISA_AVX512_BF16", (long)Isa.Avx512BFloat16),
            ("KP_SILU", (long)Activation.Silu), ("KP_GELU", (long)Activation.Gelu), ("KP_GELU_TANH", (long)Activation.GeluTanh),
            ("KP_RELU", (long)Activation.Relu),
            ("KP_STORE", (long)Epilogue.Store), ("KP_ADD_RMS_NORM", (long)Epilogue.AddRmsNorm),
            ("KP_ADD_LAYER_NORM", (long)Epilogue.AddLayerNorm), ("KP_GATE", (long)Epilogue.Gate),
        ];
        Assert.Equal(CHeaders.Evaluate([.. pairs.Select(pair => pair.C)]), pairs.Select(pair => pair.Managed));
        Assert.Equal(7 + 3 + 5 + 4 + 4, Enum.GetValues<KernelStatus>().Length + Enum.GetValues<ElementType>().Length
            + Enum.GetValues<Isa>().Length + Enum.GetValues<Activation>().Length + Enum.GetValues<Epilogue>().Length);
    }

    private static string[] Parameters(string text) =>
        text.Trim() is "void" or "" ? [] : [.. text.Split(',').Select(parameter => LastWord().Replace(parameter.Trim(), ""))];

    private static Type ManagedType(string c) => c.Trim() switch
    {
        var pointer when pointer.Contains('*') => typeof(nint),
        "void" => typeof(void),
        "int64_t" => typeof(long),
        "float" => typeof(float),
        "double" => typeof(double),
        "int32_t" or "kp_status" or "kp_dtype" or "kp_activation" or "kp_isa" => typeof(int),
        var other => throw new InvalidOperationException($"no managed type is known for '{other}'"),
    };

    [GeneratedRegex(@"KP_API\s+(?<result>[\w\s\*]*?)\b(?<name>kp_\w+)\((?<parameters>[^)]*)\)")]
    private static partial Regex Declaration();

    [GeneratedRegex(@"/\*.*?\*/", RegexOptions.Singleline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"\w+$")]
    private static partial Regex LastWord();
}

using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using KServePaged.Engine.Kernels;

namespace KServePaged.Kernels.Tests.Abi;

/// <summary>Each argument struct against its C original, as the C++ compiler of this machine lays it out.</summary>
public sealed class StructLayoutTests
{
    public static TheoryData<Type, string> Structs => new()
    {
        { typeof(DeviceOptions), "kp_device_options" },
        { typeof(NativeDeviceInfo), "kp_device_info" },
        { typeof(LinearFormat), "kp_linear_format" },
        { typeof(LinearArguments), "kp_linear_args" },
        { typeof(RopeCacheWriteArguments), "kp_rope_cache_write_args" },
        { typeof(PagedAttentionArguments), "kp_paged_attention_args" },
        { typeof(SamplingRow), "kp_sampling_row" },
        { typeof(SamplingArguments), "kp_sampling_args" },
    };

    [Theory]
    [MemberData(nameof(Structs))]
    public void Fields_LieWhereTheCompilerPutsThem(Type managed, string native)
    {
        FieldInfo[] fields = managed.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
        string[] names = [.. fields.Select(field => CName(field.Name))];
        long[] expected = CHeaders.Evaluate(
        [
            $"sizeof({native})",
            .. names.Select(name => $"offsetof({native}, {name})"),
            .. names.Select(name => $"sizeof((({native}*)0)->{name})"),
        ]);

        long[] actual =
        [
            SizeOf(managed),
            .. fields.Select(field => (long)Marshal.OffsetOf(managed, field.Name)),
            .. fields.Select(field => SizeOf(field.FieldType)),
        ];
        Assert.Equal(expected, actual);
    }

    /// <summary>Without this a managed struct could leave out a C field that happens to sit in padding.</summary>
    [Theory]
    [MemberData(nameof(Structs))]
    public void Fields_AreAllOfTheCFields(Type managed, string native)
    {
        int managedFields = managed.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Length;
        Assert.Equal(CFieldCount(native), managedFields);
    }

    [Fact]
    public void EveryStructOfTheHeaders_IsMirrored()
    {
        string[] declared =
        [
            .. CHeaders.Families
                .SelectMany(family => Regex.Matches(CHeaders.Text(family), @"^\} (kp_\w+);", RegexOptions.Multiline))
                .Select(match => match.Groups[1].Value),
        ];
        Assert.Equal(declared.Order(StringComparer.Ordinal), Structs.Select(row => row.Data.Item2).Order(StringComparer.Ordinal));
    }

    private static int CFieldCount(string native)
    {
        string text = string.Concat(CHeaders.Families.Select(CHeaders.Text));
        string body = Regex.Match(text, $@"struct {native} \{{(.*?)\}} {native};", RegexOptions.Singleline).Groups[1].Value;
        string code = Regex.Replace(body, @"/\*.*?\*/", "", RegexOptions.Singleline);
        return code.Count(c => c == ';');
    }

    private static string CName(string pascal) => Regex.Replace(
        string.Concat(pascal.Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "_") + char.ToLowerInvariant(c) : c.ToString())), @"(^|_)type$", "$1dtype");

    private static long SizeOf(Type type)
    {
        MethodInfo size = typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type);
        return (int)size.Invoke(null, null)!;
    }
}

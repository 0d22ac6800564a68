using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Transport;
using KServePaged.TestSupport;

namespace KServePaged.Predictor.Tests.Transport;

public sealed class TlsCertificateTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;
    private readonly RecordingLog _log = new();
    private readonly ManualClock _clock = new();

    private static TestCertificate First { get; } = new();

    private static TestCertificate Second { get; } = new();

    public static TheoryData<string, string, string> Unusable => new()
    {
        { "", First.KeyPem, "--ssl_certfile '{0}/tls.crt' holds no certificate in PEM form." },
        { "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", First.KeyPem, "--ssl_certfile '{0}/tls.crt' holds a certificate that cannot be read: " },
        { First.CertificatePem, "", "--ssl_keyfile '{0}/tls.key' holds no private key in PEM form." },
        { First.CertificatePem, First.CertificatePem, "--ssl_keyfile '{0}/tls.key' holds no private key in PEM form." },
        { First.CertificatePem, First.EncryptedKeyPem, "--ssl_keyfile '{0}/tls.key' is encrypted; a key without a passphrase is needed." },
        { First.CertificatePem, Second.KeyPem, "--ssl_keyfile '{0}/tls.key' does not hold the key of the certificate in '{0}/tls.crt'." },
        { First.CertificatePem, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "--ssl_keyfile '{0}/tls.key' does not hold the key of the certificate in '{0}/tls.crt'." },
    };

    [Theory]
    [MemberData(nameof(Unusable))]
    public void Load_WhenAFileCannotBeUsed_SaysWhich(string certificate, string key, string expected)
    {
        File.WriteAllText(Path.Combine(_folder, "tls.crt"), certificate);
        File.WriteAllText(Path.Combine(_folder, "tls.key"), key);
        string message = Assert.Throws<InvalidDataException>(() => Load()).Message;
        Assert.StartsWith(expected.Replace("{0}", _folder, StringComparison.Ordinal), message);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Load_WhenAFileIsMissing_SaysWhich()
    {
        Assert.StartsWith($"--ssl_certfile '{_folder}/tls.crt' cannot be read: ", Assert.Throws<InvalidDataException>(() => Load()).Message);
        First.WriteTo(_folder);
        File.Delete(Path.Combine(_folder, "tls.key"));
        Assert.StartsWith($"--ssl_keyfile '{_folder}/tls.key' cannot be read: ", Assert.Throws<InvalidDataException>(() => Load()).Message);
    }

    [Fact]
    public void Load_WhenOneFileHoldsBoth_NeedsNoOther()
    {
        string both = Path.Combine(_folder, "both.pem");
        File.WriteAllText(both, First.KeyPem + First.CertificatePem);
        Assert.Equal(First.Thumbprint, TlsCertificate.Load(both, null, _clock).Current(_log).TargetCertificate.Thumbprint);
    }

    [Fact]
    public void Load_WhenTheFileHoldsAChain_ShowsAllOfIt()
    {
        using var intermediate = new TestCertificate("intermediate", issuer: First);
        using var leaf = new TestCertificate("leaf", issuer: intermediate);
        (string certificate, _) = leaf.WriteTo(_folder);
        File.AppendAllText(certificate, intermediate.CertificatePem);
        System.Net.Security.SslStreamCertificateContext shown = Load().Current(_log);
        Assert.Equal(leaf.Thumbprint, shown.TargetCertificate.Thumbprint);
        Assert.Equal(intermediate.Thumbprint, Assert.Single(shown.IntermediateCertificates).Thumbprint);
    }

    /// <summary>The way a mounted secret changes: the folder behind a link is another one.</summary>
    [Fact]
    public void Current_WhenTheLinkIsTurned_IsTheNewOneASecondLater()
    {
        First.WriteTo(Path.Combine(_folder, "..1"));
        Second.WriteTo(Path.Combine(_folder, "..2"));
        Directory.CreateSymbolicLink(Path.Combine(_folder, "..data"), "..1");
        File.CreateSymbolicLink(Path.Combine(_folder, "tls.crt"), "..data/tls.crt");
        File.CreateSymbolicLink(Path.Combine(_folder, "tls.key"), "..data/tls.key");
        TlsCertificate certificate = Load();
        Assert.Equal(First.Thumbprint, Thumbprint(certificate));

        Directory.Delete(Path.Combine(_folder, "..data"));
        Directory.CreateSymbolicLink(Path.Combine(_folder, "..data"), "..2");
        _clock.Advance(TimeSpan.FromSeconds(0.9));
        Assert.Equal(First.Thumbprint, Thumbprint(certificate));
        _clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(Second.Thumbprint, Thumbprint(certificate));
        Assert.Contains("was renewed", Assert.Single(_log.Messages));
    }

    [Fact]
    public void Current_WhenTheNewOneCannotBeUsed_KeepsTheLastAndSaysSoOnce()
    {
        (_, string key) = First.WriteTo(_folder);
        TlsCertificate certificate = Load();
        File.WriteAllText(key, Second.KeyPem);
        for (int i = 0; i < 3; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            Assert.Equal(First.Thumbprint, Thumbprint(certificate));
        }
        Assert.Contains("does not hold the key", Assert.Single(_log.Messages));
        Second.WriteTo(_folder);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(Second.Thumbprint, Thumbprint(certificate));
    }

    [Fact]
    public void IsTrustedFor_WhenNobodyVouchesForIt_IsFalse()
    {
        First.WriteTo(_folder);
        Assert.False(Load().IsTrustedFor("localhost"));
    }

    public void Dispose()
    {
        _log.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private TlsCertificate Load() => TlsCertificate.Load(Path.Combine(_folder, "tls.crt"), Path.Combine(_folder, "tls.key"), _clock);

    private string Thumbprint(TlsCertificate certificate) => certificate.Current(_log).TargetCertificate.Thumbprint;
}

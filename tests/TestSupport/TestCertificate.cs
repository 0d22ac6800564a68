using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KServePaged.TestSupport;

/// <summary>A certificate for localhost and the loopback addresses, made on the spot, as PEM text.</summary>
internal sealed class TestCertificate : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _certificate;

    /// <param name="issuer">Null for one that signs itself. Each may sign others.</param>
    public TestCertificate(string name = "localhost", TestCertificate? issuer = null)
    {
        var request = new CertificateRequest($"CN={name}", _key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        DateTimeOffset from = DateTimeOffset.UtcNow.AddDays(-1);
        _certificate = issuer is null
            ? request.CreateSelfSigned(from, from.AddDays(30))
            : request.Create(issuer._certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(issuer._key), from, from.AddDays(20), Guid.NewGuid().ToByteArray());
    }

    /// <summary>Trusts any issuer; the name must be the right one.</summary>
    public static RemoteCertificateValidationCallback Accept { get; } =
        (_, _, _, errors) => (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) == SslPolicyErrors.None;

    public string Thumbprint => _certificate.Thumbprint;

    public string CertificatePem => _certificate.ExportCertificatePem() + "\n";

    public string KeyPem => _key.ExportPkcs8PrivateKeyPem() + "\n";

    public string EncryptedKeyPem => _key.ExportEncryptedPkcs8PrivateKeyPem("secret", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000));

    /// <summary>Writes both files into a folder, as a mounted secret has them.</summary>
    public (string Certificate, string Key) WriteTo(string folder)
    {
        Directory.CreateDirectory(folder);
        (string certificate, string key) = (Path.Combine(folder, "tls.crt"), Path.Combine(folder, "tls.key"));
        File.WriteAllText(certificate, CertificatePem);
        File.WriteAllText(key, KeyPem);
        return (certificate, key);
    }

    public void Dispose()
    {
        _certificate.Dispose();
        _key.Dispose();
    }
}

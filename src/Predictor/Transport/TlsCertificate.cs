using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace KServePaged.Predictor.Transport;

/// <summary>
/// The certificate of the port, from PEM files. The files are looked at again, at most once a second, when a connection opens: cert-manager
/// renews a mounted certificate by turning a link, of which neither a file's time nor a watcher need tell anything. So it is the bytes
/// that are compared. A renewal that cannot be used is logged once, and the last good certificate stays. Thread-safe.
/// </summary>
internal sealed partial class TlsCertificate
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    private readonly string _certificatePath;
    private readonly string _keyPath;
    private readonly TimeProvider _clock;
    private readonly Lock _gate = new();
    private SslStreamCertificateContext _current;
    private string _seen;
    private string? _problem;
    private long _lookedAt;

    private TlsCertificate(string certificatePath, string keyPath, TimeProvider clock)
    {
        (_certificatePath, _keyPath, _clock) = (certificatePath, keyPath, clock);
        _lookedAt = clock.GetTimestamp();
        (string certificate, string key) = Read();
        _current = Create(certificate, key);
        _seen = Digest(certificate, key);
    }

    /// <param name="certificatePath">PEM file: the certificate, then those that lead to its issuer.</param>
    /// <param name="keyPath">PEM file of the private key; null = it is in the file of the certificate.</param>
    /// <exception cref="InvalidDataException">A file cannot be read or used; one sentence with the option and the file.</exception>
    public static TlsCertificate Load(string certificatePath, string? keyPath, TimeProvider clock) => new(certificatePath, keyPath ?? certificatePath, clock);

    /// <summary>What a connection that opens now shows.</summary>
    public SslStreamCertificateContext Current(ILogger logger)
    {
        lock (_gate)
        {
            if (_clock.GetElapsedTime(_lookedAt) >= LookAgain)
            {
                _lookedAt = _clock.GetTimestamp();
                Renew(logger);
            }
            return _current;
        }
    }

    /// <summary>Whether a client on this machine trusts the certificate for that host without being told to.</summary>
    public bool IsTrustedFor(string host)
    {
        using var chain = new X509Chain { ChainPolicy = { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true } };
        chain.ChainPolicy.ExtraStore.AddRange(_current.IntermediateCertificates.ToArray());
        return _current.TargetCertificate.MatchesHostname(host) && chain.Build(_current.TargetCertificate);
    }

    private void Renew(ILogger logger)
    {
        try
        {
            (string certificate, string key) = Read();
            string seen = Digest(certificate, key);
            if (seen != _seen)
            {
                _current = Create(certificate, key);
                _seen = seen;
                LogRenewed(logger, _certificatePath, _current.TargetCertificate.NotAfter.ToUniversalTime());
            }
            _problem = null;
        }
        catch (InvalidDataException e)
        {
            if (e.Message != _problem)
            {
                _problem = e.Message;
                LogNotRenewed(logger, e.Message);
            }
        }
    }

    private (string Certificate, string Key) Read() => (Text("ssl_certfile", _certificatePath), Text("ssl_keyfile", _keyPath));

    private static string Text(string option, string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"--{option} '{path}' cannot be read: {e.Message}", e);
        }
    }

    private SslStreamCertificateContext Create(string certificate, string key)
    {
        var chain = new X509Certificate2Collection();
        try
        {
            chain.ImportFromPem(certificate);
        }
        catch (CryptographicException e)
        {
            throw new InvalidDataException($"--ssl_certfile '{_certificatePath}' holds a certificate that cannot be read: {e.Message}", e);
        }
        string problem = chain.Count == 0 ? $"--ssl_certfile '{_certificatePath}' holds no certificate in PEM form."
            : key.Contains("ENCRYPTED", StringComparison.Ordinal) ? $"--ssl_keyfile '{_keyPath}' is encrypted; a key without a passphrase is needed."
            : !key.Contains("PRIVATE KEY-----", StringComparison.Ordinal) ? $"--ssl_keyfile '{_keyPath}' holds no private key in PEM form."
            : "";
        if (problem.Length > 0)
        {
            throw new InvalidDataException(problem);
        }
        try
        {
            var own = X509Certificate2.CreateFromPem(certificate, key);
            chain.RemoveAt(0); // the same one, without its key
            return SslStreamCertificateContext.Create(own, chain, offline: true);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException) // the latter for a key of another certificate
        {
            throw new InvalidDataException($"--ssl_keyfile '{_keyPath}' does not hold the key of the certificate in '{_certificatePath}'.", e);
        }
    }

    private static string Digest(string certificate, string key) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(certificate + key)));

    [LoggerMessage(1301, LogLevel.Information, "{File} was renewed and is used from now on; it ends {End:u}")]
    private static partial void LogRenewed(ILogger logger, string file, DateTime end);

    [LoggerMessage(1302, LogLevel.Warning, "The renewed certificate cannot be used, the last one stays: {Problem}")]
    private static partial void LogNotRenewed(ILogger logger, string problem);
}

namespace KServePaged.Predictor.Configuration;

/// <summary><c>NAME=STABLE</c> or <c>NAME=STABLE,CANDIDATE:PERCENT</c>.</summary>
internal sealed record VariantOption(string Name, string Stable, string? Candidate, int Percent)
{
    /// <exception cref="FormatException">It is not of that form.</exception>
    public static VariantOption Parse(string text)
    {
        const string Form = "NAME=STABLE or NAME=STABLE,CANDIDATE:PERCENT with a percentage from 0 to 100";
        if (text.Split('=') is not [{ Length: > 0 } name, { Length: > 0 } models])
        {
            throw new FormatException(Form);
        }
        string[] variants = models.Split(',');
        if (variants is [{ Length: > 0 } only] && !only.Contains(':'))
        {
            return new VariantOption(name, only, null, 0);
        }
        return variants is [{ Length: > 0 } stable, var second] && second.Split(':') is [{ Length: > 0 } candidate, var percent]
            && int.TryParse(percent, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int share) && share <= 100 && candidate != stable
            ? new VariantOption(name, stable, candidate, share)
            : throw new FormatException(Form);
    }

    public override string ToString() => Candidate is null ? $"{Name}={Stable}" : $"{Name}={Stable},{Candidate}:{Percent}";
}

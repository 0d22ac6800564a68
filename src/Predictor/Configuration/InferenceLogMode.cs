namespace KServePaged.Predictor.Configuration;

/// <summary>Which half of an inference is logged; the words are those of KServe's logger.</summary>
internal enum InferenceLogMode
{
    All,
    Request,
    Response,
}

namespace KServePaged.Engine.Kernels;

internal sealed unsafe partial class DeviceStream
{
    /// <summary>y[t, :] = table[ids[t], :]; also gathers rows of activations.</summary>
    /// <param name="table">[vocabulary, hidden] of <paramref name="type"/>.</param>
    /// <param name="type">Element type of the table.</param>
    /// <param name="vocabulary">Rows of the table; an id outside them is refused where the host can see the ids.</param>
    /// <param name="hidden">Elements of a row.</param>
    /// <param name="ids">[tokens] i32; -1 - r stands for what sampling left in <paramref name="sampled"/>[r].</param>
    /// <param name="sampled">i32, where negative taken for 0; or 0 where no id is negative.</param>
    /// <param name="tokens">Rows to gather; 0 is fine.</param>
    /// <param name="y">[tokens, hidden] f32, apart from the table.</param>
    public void Embedding(nint table, ElementType type, long vocabulary, long hidden, nint ids, nint sampled, long tokens, nint y) => Functions.Check(
        Functions.kp_embedding(Handle, table, (int)type, vocabulary, hidden, ids, sampled, tokens, y), nameof(Embedding));
}

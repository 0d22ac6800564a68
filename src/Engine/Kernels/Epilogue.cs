namespace KServePaged.Engine.Kernels;

/// <summary>What a matrix product ends with (kp_epilogue of include/kp/linear.h): the bits are those of the separate calls.</summary>
internal enum Epilogue
{
    /// <summary>y = product.</summary>
    Store = 0,

    /// <summary>residual += product; y = <see cref="DeviceStream.RmsNorm"/> of the residual.</summary>
    AddRmsNorm = 1,

    /// <summary>residual += product; y = <see cref="DeviceStream.LayerNorm"/> of the residual.</summary>
    AddLayerNorm = 2,

    /// <summary>y = <see cref="DeviceStream.GatedActivation"/> of the product; of a gated matrix.</summary>
    Gate = 3,
}

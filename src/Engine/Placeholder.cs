namespace KServePaged.Engine; internal static class Placeholder;

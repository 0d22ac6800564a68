namespace KServePaged.Engine.ChatTemplates.Jinja.Formatting;

/// <summary>
/// A merge sort that asks only for "less", as Python's does: equal items keep their order, and an order that contradicts itself (NaN)
/// still ends.
/// </summary>
internal static class StableSort
{
    public static T[] Sort<T>(IEnumerable<T> items, Func<T, T, bool> less, bool descending = false)
    {
        T[] sorted = [.. items];
        // Python reverses, sorts and reverses again: equal items stay in order.
        if (descending)
        {
            Array.Reverse(sorted);
        }
        Sort(sorted.AsSpan(), new T[sorted.Length], less);
        if (descending)
        {
            Array.Reverse(sorted);
        }
        return sorted;
    }

    private static void Sort<T>(Span<T> items, Span<T> room, Func<T, T, bool> less)
    {
        if (items.Length < 2)
        {
            return;
        }
        int middle = items.Length / 2;
        Sort(items[..middle], room, less);
        Sort(items[middle..], room, less);
        items.CopyTo(room);
        for (int i = 0, left = 0, right = middle; i < items.Length; i++)
        {
            bool takeRight = left >= middle || (right < items.Length && less(room[right], room[left]));
            items[i] = room[takeRight ? right++ : left++];
        }
    }
}

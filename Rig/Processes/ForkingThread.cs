using System.Collections.Concurrent;

namespace EpfTest.Rig.Processes;

/// <summary>
/// The thread that starts all programs. It lasts as long as our process, because the kernel takes its end for the death
/// of their parent.
/// </summary>
internal static class ForkingThread
{
    private static readonly BlockingCollection<Task> s_tasks = Start();

    /// <summary>Calls <paramref name="start"/> on that thread.</summary>
    public static T Run<T>(Func<T> start)
    {
        var task = new Task<T>(start);
        s_tasks.Add(task);
        return task.GetAwaiter().GetResult();
    }

    private static BlockingCollection<Task> Start()
    {
        var tasks = new BlockingCollection<Task>();
        var thread = new Thread(() =>
        {
            foreach (Task task in tasks.GetConsumingEnumerable())
            {
                task.RunSynchronously();
            }
        })
        {
            IsBackground = true,
            Name = "starts programs",
        };
        thread.Start();
        return tasks;
    }
}

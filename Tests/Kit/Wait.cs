namespace EpfTest.Kit;

/// <summary>Waits for conditions, never for a time: a limit only ends a test that has failed.</summary>
internal static class Wait
{
    /// <summary>Far more than anything here takes.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static void Until(Func<bool> condition, string what) =>
        Assert.That(SpinWait.SpinUntil(condition, Limit), Is.True, $"waited in vain until {what}");

    public static T For<T>(Task<T> task)
    {
        Assert.That(task.Wait(Limit), Is.True, "waited in vain for a task");
        return task.Result;
    }

    public static void For(Task task) => Assert.That(task.Wait(Limit), Is.True, "waited in vain for a task");
}

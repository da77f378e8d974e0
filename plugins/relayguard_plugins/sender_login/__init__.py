"""Who may write as whom: which addresses a login may use as envelope sender, as author and as Sender."""

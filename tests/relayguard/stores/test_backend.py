from relayguard.stores.backend import StoreError, Trouble


def test_what_a_store_says_names_the_trouble_for_metrics_and_the_reason_for_people() -> None:
    error = StoreError(Trouble.FULL, "no space left on device")
    assert (error.trouble, str(error)) == (Trouble.FULL, "no space left on device")
    assert error.refused == ()

from relayguard_plugins.spoof.signals import STRENGTHS, Signal, Strength, Suspicion


def test_every_signal_says_something_by_itself() -> None:
    assert set(STRENGTHS) == set(Signal)


def test_a_suspicion_is_told_with_its_strength_and_its_evidence() -> None:
    found = Suspicion(
        signal=Signal.LOOKALIKE, strength=Strength.STRONG, evidence="examp1e.com looks like example.com"
    )
    assert found.noted() == "lookalike (strong): examp1e.com looks like example.com"
    assert found.reported() is None

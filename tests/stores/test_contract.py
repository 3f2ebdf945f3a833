from penchant.testing.stores import ArtifactStoreContract, EraseContract, EventStoreContract, FeatureStoreContract, ListingContract


class TestEventStore(EventStoreContract):
    pass


class TestFeatureStore(FeatureStoreContract):
    pass


class TestListing(ListingContract):
    pass


class TestErase(EraseContract):
    pass


class TestArtifactStore(ArtifactStoreContract):
    pass

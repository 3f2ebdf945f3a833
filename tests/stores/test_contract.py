from penchant.testing.stores import ArtifactStoreContract, EventStoreContract, FeatureStoreContract, ListingContract


class TestEventStore(EventStoreContract):
    pass


class TestFeatureStore(FeatureStoreContract):
    pass


class TestListing(ListingContract):
    pass


class TestArtifactStore(ArtifactStoreContract):
    pass

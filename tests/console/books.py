"""A small invented catalogue: titles and categories as shops, libraries and cinemas have them, some in Chinese."""

FILMS = [
    ("The Lighthouse Keeper's Daughter", "drama"),
    ("Salt Roads", "history|travel"),
    ("A Field Guide to Forgetting", "essays"),
    ("Night Train to Trieste", "thriller|travel"),
    ("The Quiet Arithmetic of Bees", "nature|science"),
    ("Seven Rivers North", "travel|nature"),
    ("Blue Hour in Lisbon", "romance|travel"),
    ("The Cartographer's Mistake", "history|mystery"),
    ("Small Engines", "short stories"),
    ("Winter Orchard", "drama|family"),
    ("How to Build a Harbour", "science|history"),
    ("The Last Piano in Odessa", "drama|music"),
    ("Moss & Stone", "nature"),
    ("Paper Lanterns", "family|romance"),
    ("An Index of Storms", "poetry|nature"),
    ("The Understudy", "drama|comedy"),
    ("Nine Ways to Cook an Egg", "cooking"),
    ("Low Tide", "mystery|thriller"),
    ("The Glass Astronomer", "science|biography"),
    ("Notes from a Slow Garden", "nature|essays"),
    ("Dust and Trumpets", "music|history"),
    ("The Bicycle Repairman of Ghent", "comedy|family"),
    ("Echoes in the Granary", "mystery"),
    ("Copper Wire", "science|thriller"),
    ("Letters to the Meridian", "romance|history"),
    ("Bread for Beginners", "cooking"),
    ("The Weather Inside", "essays|drama"),
    ("Cold Harbour Jazz", "music"),
    ("Three Doors Down", "comedy"),
    ("Where the Herons Wait", "nature|poetry"),
    ("长安十二时辰的雨", "历史|悬疑"),
    ("江南食谱", "烹饪|旅行"),
    ("山中来信", "散文|自然"),
    ("星空下的图书馆", "科学|家庭"),
    ("旧唱片店", "音乐|爱情"),
    ("雪国列车时刻表", "悬疑|旅行"),
    ("茶馆里的棋手", "喜剧|历史"),
    ("海边的数学课", "科学|散文"),
    ("夜航船", "散文|历史"),
    ("第三个春天", "爱情|家庭"),
]


def items() -> list[dict[str, object]]:
    """Rows for POST /v1/items."""
    return [
        {"item_id": f"b{n:02}", "title": title, "categories": kinds.split("|"), "year": 1974 + n, "pages": 120 + 7 * n}
        for n, (title, kinds) in enumerate(FILMS)
    ]


def events() -> list[dict[str, object]]:
    """Sixty readers, each fond of every sixth item, with some noise that is the same each time."""
    made: list[dict[str, object]] = []
    for user in range(60):
        for step in range(12):
            item = (user % 6 + 6 * step) % 40 if step % 4 else (user * 7 + step * 11) % 40
            at = 1_700_000_000 + user * 3_000 + step * 600
            made.append({"user_id": f"reader-{user:03}", "item_id": f"b{item:02}", "event_type": "view", "timestamp": at})
    return made

"""What columns are called out there: from a header to the columns that penchant knows.

A name is compared without case, marks and blanks. `movieId`, `MOVIE_ID` and `movie id` are one; `shop_user_id` ends in a name
that is known, and counts a little less than the name alone.
"""

import re
import unicodedata
from collections.abc import Sequence

from penchant.core import columns

_WORDS = {
    columns.USER_ID: (
        "user customer visitor client member household account buyer shopper consumer reviewer subscriber guest person listener reader"
        " player viewer student patient passenger device cookie hh patron cust usr usuario cliente kunde nutzer benutzer utilisateur utente"
    ),
    columns.ITEM_ID: (
        "item product prod itm sku article movie film book song track anime game video news venue business restaurant recipe course hotel"
        " poi place location stock goods merchandise podcast episode show series app artist album content asset listing offer property"
        " paper document doc page url material variant job vacancy food dish meal beer wine playlist channel repo photo image ad"
        " producto articulo produkt artikel produit prodotto articolo"
    ),
    columns.SESSION_ID: (
        "session visit basket cart order invoice transaction receipt ticket purchase bill trip sesion pedido bestellung rechnung commande"
        " besuch sitzung visite visita"
    ),
}
_ID_ENDS = ("id", "ids", "no", "nr", "num", "number", "code", "key", "uuid", "guid", "hash", "idx", "index", "uniqueid", "ref", "token")
_NAME_ENDS = ("name", "title", "slug", "names")

# Whole names, best first. Where a role has `_WORDS` too, these come before.
_EXACT = {
    columns.USER_ID: "userid user uid visitorid customerid fullvisitorid msno reviewerid buvid who",
    columns.ITEM_ID: "itemid item productid asin parentasin sku iid isbn isbn13 stockcode traid gtin ean upc mid vid what",
    columns.SESSION_ID: "sessionid session sid",
    columns.TIMESTAMP: (
        "timestamp eventtime eventtimestamp unixreviewtime unixtimestamp unixtime time datetime ts createdat date dt epoch when tstamp"
        " occurredat reviewtime invoicedate orderdate purchasedate fecha datum zeit zeitstempel horodatage heure data"
    ),
    columns.EVENT_TYPE: (
        "eventtype event action behavior behaviour behaviortype behaviourtype interactiontype actiontype interaction activity type"
        " eventname verb feedbacktype accion evento ereignis aktion"
    ),
    columns.VALUE: (
        "rating score stars overall value quantity qty plays playcount listencount listens weight count feedback amount units purchases"
        " label puntuacion cantidad bewertung menge anzahl note quantite"
    ),
    columns.TITLE: (
        "title name itemname productname movietitle displayname label headline titulo título nombre titel bezeichnung titre"
        " nom titolo nome naam"
    ),
    columns.DESCRIPTION: (
        "description desc summary overview abstract synopsis plot text body details beschreibung descripcion descripción descrizione"
        " omschrijving"
    ),
    columns.CATEGORIES: (
        "categories category genres genre tags tag topics topic subjects subject class productcategory categoryname maincategory"
        " itemcategory department producttype keywords section kategorie kategorien warengruppe rubrik categoria categoría categorias"
        " categorías categorie catégorie catégories rubrique género generi"
    ),
    columns.AVAILABLE: "available instock isavailable availability active isactive lieferbar verfügbar disponible disponibile",
    columns.SCENARIO: "scenario",
    columns.EVENT_ID: "eventid",
    columns.RECOMMENDATION_ID: "recommendationid",
    columns.POSITION: "position",
    columns.PROPENSITY: "propensity propensityscore",
    columns.PROPERTIES: "properties",
}
# Endings that are enough where the whole name is not known.
_ENDS = {
    columns.TIMESTAMP: "timestamp datetime time date ts at",
    columns.VALUE: "rating score stars quantity qty plays playcount count weight",
    columns.EVENT_TYPE: "eventtype action behavior behaviour",
    columns.TITLE: "title name",
    columns.DESCRIPTION: "description",
    columns.CATEGORIES: "genres genre categories category tags",
}
# Times that are not the event's, and names that end in "time" but are durations; counts that are no value.
_NOT_TIMES = (
    "release birth birthday birthdate geburtsdatum dob signup register registration registered published publish expiry expires end updated"
    " zone offset"
)

# Chinese names are recognised by what they contain; the order matters: 下单时间 is a time, 商品名称 a title.
_CHINESE: dict[str, tuple[str, ...]] = {
    columns.TIMESTAMP: ("时间", "日期", "時間", "时刻"),
    columns.TITLE: ("名称", "标题", "商品名", "电影名", "歌名", "书名", "片名", "名字", "名稱"),
    columns.CATEGORIES: ("类别", "分类", "类目", "标签", "品类", "題材", "题材", "類別", "分類", "標籤"),
    columns.DESCRIPTION: ("描述", "简介", "介绍"),
    columns.EVENT_TYPE: ("行为", "事件", "操作", "动作", "類型", "类型"),
    columns.VALUE: ("评分", "打分", "数量", "次数", "得分", "星级", "評分", "數量"),
    columns.SESSION_ID: ("会话", "订单", "购物篮", "發票", "发票", "訂單"),
    columns.USER_ID: ("用户", "会员", "顾客", "客户", "买家", "读者", "观众", "用戶", "會員", "顧客", "客戶"),
    columns.ITEM_ID: ("商品", "物品", "产品", "电影", "歌曲", "图书", "书籍", "文章", "视频", "新闻", "音乐", "项目", "店铺", "產品", "書"),
}
# Words of a header that belong to items and users and name no role.
_ATTRIBUTES = (
    "id age gender sex occupation zip zipcode country city state price unitprice brand color colour size year language lang author"
    " publisher director artist album url link image pictureurl releasedate duration region address lat lon latitude longitude"
    " 年龄 性别 价格 品牌 城市 职业 编号"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

UNKNOWN_RANK = 10_000.0
_PLAIN_RANK = 150.0  # from here on a name is a word that may be about something else: `device`, `page`


def parts(name: str) -> list[str]:
    """The words of a name, lower case: `fullVisitorId` → full, visitor, id."""
    text = _CAMEL.sub(" ", unicodedata.normalize("NFKC", name).strip())
    return re.findall(r"[^\W_]+", text.casefold())


def rank(name: str, role: str) -> float:
    """How well a name suits a role: 0 is best; `UNKNOWN_RANK` does not suit."""
    words = parts(name)
    if not words:
        return UNKNOWN_RANK
    if any("\u4e00" <= letter <= "\u9fff" for letter in name):
        found = next((key for key, contents in _CHINESE.items() if any(part in name for part in contents)), None)
        return 50.0 if found == role else UNKNOWN_RANK
    if role == columns.TIMESTAMP and set(_NOT_TIMES.split()) & set(words):
        return UNKNOWN_RANK
    ranks = [_rank_of("".join(words[start:]), role) + 300 * start for start in range(len(words))]
    ends = _ENDS.get(role, "").split()
    if words[-1] in ends:
        ranks.append(500.0 + ends.index(words[-1]))
    best = min(ranks)
    return best if best < 5_000 else UNKNOWN_RANK


def _rank_of(key: str, role: str) -> float:
    exact = _EXACT.get(role, "").split()
    if key in exact:
        return float(exact.index(key))
    for place, word in enumerate(_WORDS.get(role, "").split()):
        if key in (word, word + "s"):
            return 150.0 + place
        if key.startswith(word):
            rest = key[len(word) :]
            if rest in _ID_ENDS:
                return 20.0 + place
            if rest in _NAME_ENDS and role != columns.SESSION_ID:
                return 2_000.0 + place
    return UNKNOWN_RANK


def best(names: Sequence[str], role: str) -> list[str]:
    """The names that suit a role, best first; equals in the order of the file."""
    ranked = [(rank(name, role), place, name) for place, name in enumerate(names)]
    return [name for score, _, name in sorted(ranked) if score < UNKNOWN_RANK]


def is_plain(name: str, role: str) -> bool:
    """Whether a name says the role outright: `user_id`, `kunde_nr`, not `device`."""
    return rank(name, role) < _PLAIN_RANK


def may_be_time(name: str) -> bool:
    """Whether a column of times may be the event's: not of a birth or a release, not an id that looks like an epoch."""
    words = parts(name)
    told = {*_NOT_TIMES.split(), *_ID_ENDS} & set(words) or "".join(words) in _ATTRIBUTES.split()
    return not told and not any(rank(name, role) < 500 for role in (columns.USER_ID, columns.ITEM_ID, columns.SESSION_ID))


def is_known(name: str) -> bool:
    """Whether a header of events, items or users may hold this name."""
    key = "".join(parts(name))
    return key in _ATTRIBUTES.split() or any(rank(name, role) < 500 for role in _EXACT)

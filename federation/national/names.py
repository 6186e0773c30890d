"""Invented names in the forms usual in the region: Han, Hui, Uyghur and Kazakh, written in Chinese characters.

The stock is our own choice: GB 11643 says nothing about names. Any likeness to a living person is chance.
"""

from __future__ import annotations

from random import Random


def words(text: str) -> tuple[str, ...]:
    """The words of a list written in one line."""
    return tuple(text.split())


_FAMILY = {
    "汉族": "王李张刘陈杨赵黄周吴徐孙朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭",
    "回族": "马丁白哈金兰沙苏海杨",
}
_GIVEN = {
    "male": words(
        "伟 强 磊 军 勇 涛 杰 斌 鹏 建国 志强 文华 国庆 永胜 海峰 晓东 建军 新民 玉龙 学文 天山 疆生 立新 明远 家兴"
    ),
    "female": words(
        "芳 敏 静 丽 娟 艳 霞 燕 玲 雪梅 海燕 丽娟 秀英 晓红 玉兰 春花 文静 雅琴 桂香 新梅 冬梅 亚楠 思雨 佳怡 月娥"
    ),
}
_UYGHUR = {
    "male": words(
        "买买提 阿迪力 艾合买提 吐尔逊 依明 玉素甫 库尔班 艾尔肯 帕尔哈提 亚森 努尔买买提 阿不都热合曼 麦麦提明 "
        "阿布来提 居来提 木合塔尔 艾克拜尔 热合曼 阿力木 卡哈尔"
    ),
    "female": words(
        "古丽娜尔 阿依古丽 热依汗古丽 米热古丽 帕提古丽 迪丽努尔 玛依努尔 祖丽皮亚 阿孜古丽 再努尔 茹仙古丽 "
        "阿米娜 哈丽旦 布合力齐 古丽仙 阿曼古丽 努尔比亚 塔吉古丽"
    ),
}
_UYGHUR_FATHER = words(
    "买买提 吐尔逊 阿不都拉 依明 艾买提 司马义 尼亚孜 卡德尔 热合曼 托合提 肉孜 沙吾提 阿西木 玉山 赛买提"
)
_KAZAKH = {
    "male": words("叶尔兰 巴合提 哈那提 努尔兰 加那提 赛力克 叶尔江 木拉提 阿斯哈尔 叶尔肯 达吾列提 阿依恒 努尔波拉提"),
    "female": words("阿依努尔 古丽娜 加依娜 巴合提古丽 阿娜尔 莎吾列 哈丽玛 沙依拉 努尔古丽 玛尔江 阿依达娜"),
}
_KAZAKH_FATHER = words("哈布力 努尔哈力 木哈买提 胡安德克 斯拉木 阿合买提 别克 库尔曼 托列根 居马汗 沙肯")

ETHNICITIES = ("汉族", "维吾尔族", "哈萨克族", "回族")
_WEIGHTS = (42, 38, 12, 8)


def invent_name(random: Random, sex: str) -> tuple[str, str]:
    """(name, ethnicity) for a person of that sex."""
    ethnicity = random.choices(ETHNICITIES, _WEIGHTS)[0]
    if ethnicity == "维吾尔族":
        return _joined(random, _UYGHUR[sex], _UYGHUR_FATHER), ethnicity
    if ethnicity == "哈萨克族":
        return _joined(random, _KAZAKH[sex], _KAZAKH_FATHER), ethnicity
    return random.choice(_FAMILY[ethnicity]) + random.choice(_GIVEN[sex]), ethnicity


def _joined(random: Random, given: tuple[str, ...], father: tuple[str, ...]) -> str:
    own = random.choice(given)
    return f"{own}·{random.choice([name for name in father if name != own])}"

"""Words of other languages than English in names of columns, folders and files, and in cells: one place per language.

The kinds: names of columns (``image``, ``coder``, ``label``, ``truth``, ``agreed``, ``confidence``, ``source``, and
``about`` of what describes the image, the person or the work); names of parts (``train``, ``test``); cells that say
that nobody answered (``no answer``) or may say so (``none``), ``yes``, ``no``; columns of rows that do not count
(``excluded``).
"""

from __future__ import annotations

import re
import unicodedata

WORDS = {
    "German": {
        "image": "bild, bilddatei, bildname, datei, dateiname, dateipfad, foto, aufnahme",
        "coder": "bewerter, bewerterin, gutachter, gutachterin, kodierer, kodiererin, annotatorin, beurteiler, "
        "beurteilerin, befunder, befunderin, arzt, ärztin, leser, leserin, experte, expertin, prüfer, prüferin, "
        "proband, probandin, versuchsperson, teilnehmer, teilnehmerin, beobachter, beobachterin, bearbeiter, "
        "bearbeiterin",
        "label": "klasse, etikett, kategorie, befund, emotion, gefühl, ausdruck, gesichtsausdruck, diagnose, "
        "antwort, einstufung, bewertung, urteil, spezies, tierart, vogelart, pflanzenart, schweregrad",
        "truth": "wahrheit, goldstandard, referenz, referenzlabel, lösung, richtige antwort",
        "agreed": "konsens, mehrheit, mehrheitsentscheid, mehrheitslabel, endergebnis, endbefund, schlichtung",
        "confidence": "sicherheit, konfidenz, gewissheit",
        "source": "quelle, datensatz, herkunft, datenbank",
        "about": "alter, geschlecht, patient, patientin, patientennummer, patientenid, fallnummer, fall, klinik, "
        "krankenhaus, standort, zentrum, praxis, datum, aufnahmedatum, uhrzeit, zeit, dauer, bemerkung, bemerkungen, "
        "kommentar, anmerkung, notiz, gerät, kamera, land, sprache, breite, höhe, lfdnr, nummer",
        "train": "lernen, trainieren, lernmenge",
        "test": "prüfung, validierung, evaluierung, testen",
        "none": "keine, keiner, kein, nichts",
        "no answer": "weiß nicht, weiss nicht, keine angabe, keine antwort, unklar, unbekannt, unsicher, k.a., "
        "k. a., nicht erkennbar, nicht beurteilbar, nicht bewertbar, nicht zutreffend, entfällt, übersprungen, "
        "ohne angabe",
        "excluded": "ausschluss, ausgeschlossen, ausschließen, verworfen, ungültig",
        "yes": "ja",
        "no": "nein",
    },
    "French": {
        "image": "fichier, nom fichier, nom du fichier, nom de fichier, photo, cliché, chemin, nom image",
        "coder": "annotateur, annotatrice, évaluateur, évaluatrice, codeur, codeuse, lecteur, lectrice, relecteur, "
        "relectrice, juge, médecin, radiologue, experte, participante, étiqueteur, observateur, observatrice",
        "label": "étiquette, classe, catégorie, émotion, expression, diagnostic, espèce, réponse, jugement, libellé",
        "truth": "vérité, vérité terrain, référence, bonne réponse, réponse correcte",
        "agreed": "consensus, majorité, vote majoritaire, définitif, étiquette finale",
        "confidence": "certitude, confiance",
        "source": "jeu de données, provenance, base de données",
        "about": "âge, sexe, genre, patiente, numéro patient, id patient, hôpital, centre, clinique, site, date, "
        "heure, durée, remarque, remarques, commentaire, commentaires, appareil, pays, langue, largeur, hauteur, "
        "numéro, lieu",
        "train": "entraînement, apprentissage",
        "test": "évaluation, validation, essai",
        "none": "aucun, aucune, rien",
        "no answer": "ne sais pas, je ne sais pas, ne sait pas, pas de réponse, sans réponse, indéterminé, inconnu, "
        "incertain, non applicable, sans objet, non répondu, nsp, impossible à dire",
        "excluded": "exclu, exclure, exclue, rejeté",
        "yes": "oui",
        "no": "non",
    },
    "Spanish": {
        "image": "imagen, archivo, fichero, foto, fotografía, nombre archivo, nombre de archivo, ruta",
        "coder": "anotador, anotadora, evaluador, evaluadora, codificador, codificadora, lector, lectora, juez, "
        "experto, experta, médico, radiólogo, participante, etiquetador, etiquetadora, observador, observadora",
        "label": "etiqueta, clase, categoría, emoción, expresión, diagnóstico, especie, respuesta, veredicto, "
        "anotación",
        "truth": "verdad, verdad terreno, referencia, respuesta correcta, etiqueta verdadera",
        "agreed": "consenso, mayoría, voto mayoritario, definitivo, etiqueta final",
        "confidence": "certeza, confianza, seguridad",
        "source": "fuente, conjunto de datos, procedencia, base de datos",
        "about": "edad, sexo, género, paciente, id paciente, centro, clínica, sitio, fecha, hora, duración, "
        "comentario, comentarios, observaciones, nota, dispositivo, cámara, país, idioma, ancho, alto, número, lugar",
        "train": "entrenamiento, entreno",
        "test": "prueba, pruebas, validación, evaluación",
        "none": "ninguno, ninguna, nada",
        "no answer": "no sé, no sabe, no lo sé, desconocido, desconocida, sin respuesta, no aplica, no contesta, "
        "ns/nc, saltar, omitido, indeterminado, no seguro, no se sabe",
        "excluded": "excluir, excluido, descartado",
        "yes": "sí",
        "no": "no",
    },
    "Catalan and Romanian": {
        "train": "entrenament, antrenare, antrenament",
        "test": "validació, avaluació, prova, validare, testare",
    },
    "Italian": {
        "image": "immagine, nome file, nome immagine, foto, percorso, fotografia",
        "coder": "annotatore, annotatrice, valutatore, valutatrice, codificatore, lettore, lettrice, giudice, "
        "esperto, esperta, medico, radiologo, partecipante, osservatore, osservatrice, etichettatore",
        "label": "etichetta, classe, categoria, emozione, espressione, diagnosi, specie, risposta, giudizio, "
        "annotazione",
        "truth": "verità, riferimento, risposta corretta, etichetta vera",
        "agreed": "consenso, maggioranza, voto di maggioranza, definitivo, etichetta finale",
        "confidence": "certezza, fiducia, sicurezza",
        "source": "fonte, insieme di dati, provenienza, origine",
        "about": "età, sesso, genere, paziente, id paziente, ospedale, centro, clinica, sito, data, ora, durata, "
        "commento, commenti, note, nota, dispositivo, fotocamera, paese, lingua, larghezza, altezza, numero, luogo",
        "train": "addestramento, allenamento",
        "test": "validazione, valutazione, verifica",
        "none": "nessuno, nessuna, niente",
        "no answer": "non so, non lo so, sconosciuto, sconosciuta, nessuna risposta, senza risposta, "
        "non applicabile, saltato, incerto, indeterminato",
        "excluded": "escluso, esclusa, scartato",
        "no": "no",
    },
    "Portuguese": {
        "image": "imagem, arquivo, ficheiro, foto, nome arquivo, nome do arquivo, caminho, fotografia",
        "coder": "anotador, anotadora, avaliador, avaliadora, codificador, leitor, leitora, juiz, especialista, "
        "médico, participante, rotulador, rotuladora, observador, observadora",
        "label": "rótulo, classe, categoria, emoção, expressão, diagnóstico, espécie, resposta, anotação, etiqueta",
        "truth": "verdade, verdade de campo, referência, resposta correta, gabarito",
        "agreed": "consenso, maioria, voto majoritário, definitivo, rótulo final",
        "confidence": "confiança, certeza, segurança",
        "source": "fonte, conjunto de dados, origem, proveniência",
        "about": "idade, sexo, gênero, género, paciente, id paciente, hospital, centro, clínica, local, data, hora, "
        "duração, comentário, comentários, observação, observações, nota, dispositivo, câmera, país, idioma, "
        "largura, altura, número",
        "train": "treinamento, treino",
        "test": "teste, testes, validação, avaliação",
        "none": "nenhum, nenhuma",
        "no answer": "não sei, não sabe, desconhecido, desconhecida, sem resposta, não se aplica, não aplicável, "
        "pular, pulado, incerto, indeterminado",
        "excluded": "excluído, excluir, descartado",
        "yes": "sim",
        "no": "não",
    },
    "Dutch": {
        "image": "afbeelding, bestand, bestandsnaam, foto, beeld, plaatje",
        "coder": "beoordelaar, codeur, lezer, arts, deskundige, deelnemer, waarnemer",
        "label": "klasse, categorie, emotie, uitdrukking, gezichtsuitdrukking, diagnose, soort, antwoord, oordeel",
        "truth": "waarheid, referentie, gouden standaard, juist antwoord",
        "agreed": "consensus, meerderheid, meerderheidsstem, eindoordeel",
        "confidence": "zekerheid, vertrouwen",
        "source": "bron, herkomst",
        "about": "leeftijd, geslacht, patiënt, patiëntnummer, ziekenhuis, locatie, centrum, kliniek, datum, tijd, "
        "duur, opmerking, opmerkingen, toelichting, apparaat, land, taal, breedte, hoogte, nummer",
        "train": "trainen, oefenen, oefening",
        "test": "toets, validatie, evaluatie",
        "none": "geen",
        "no answer": "weet niet, weet ik niet, onbekend, geen antwoord, overslaan, overgeslagen, onduidelijk, "
        "onzeker, niet van toepassing, n.v.t., nvt",
        "excluded": "uitgesloten, afgekeurd",
        "yes": "ja",
        "no": "nee",
    },
    "Swedish, Danish, Norwegian and Finnish": {
        "image": "bild, bildfil, billede, bilde, kuva, tiedosto, fil, filnamn, filnavn",
        "coder": "bedömare, bedømmer, vurderer, arvioija, annotoija, granskare, annotør",
        "label": "etikett, klass, klasse, känsla, følelse, tunne, luokka, kategori, svar, diagnos",
        "truth": "sanning, sandhed, fasit, facit, totuus",
        "agreed": "konsensus, enighet, flertal, flertall",
        "confidence": "säkerhet, sikkerhed, sikkerhet, varmuus",
        "about": "ålder, alder, ikä, kön, køn, kjønn, sukupuoli, sjukhus, sygehus, sykehus, sairaala, kommentar, "
        "anteckning",
        "train": "träning, traning, trening, træning, koulutus, opetus",
        "test": "validering, utvärdering, evaluering, testi, testaus, validointi, arviointi",
        "no answer": "vet ej, vet inte, ved ikke, vet ikke, inget svar, intet svar, hoppa över, okänd, ukendt, "
        "ukjent, en tiedä, ei vastausta",
        "yes": "ja, kyllä",
        "no": "nej, nei",
    },
    "Polish": {
        "image": "obraz, obrazek, plik, nazwa pliku, zdjęcie",
        "coder": "oceniający, oceniająca, anotator, anotatorka, adnotator, koder, sędzia, ekspert, ekspertka, "
        "lekarz, uczestnik, obserwator",
        "label": "klasa, etykieta, kategoria, emocja, wyraz twarzy, diagnoza, rozpoznanie, gatunek, odpowiedź",
        "truth": "prawda, wzorzec, poprawna odpowiedź",
        "agreed": "konsensus, większość, głos większości",
        "confidence": "pewność",
        "source": "źródło, zbiór danych",
        "about": "wiek, płeć, pacjent, pacjentka, numer pacjenta, szpital, ośrodek, data, czas, komentarz, uwagi, "
        "notatka, urządzenie, kraj, język, szerokość, wysokość, numer",
        "train": "treningowy, treningowe, treningowa, trening, uczący, uczące, uczenie",
        "test": "testowy, testowe, testowa, walidacja, walidacyjny, walidacyjne, walidacyjna",
        "none": "brak, żaden",
        "no answer": "nie wiem, nie wiadomo, brak odpowiedzi, pominięto, pomiń, nieznany, nieznane, niejasne, "
        "nie dotyczy, trudno powiedzieć",
        "excluded": "wykluczony, odrzucony",
        "yes": "tak",
        "no": "nie",
    },
    "Czech, Slovak and Hungarian": {
        "image": "obrázek, obraz, soubor, súbor, kép, fájl, fájlnév",
        "coder": "hodnotitel, hodnotiteľ, anotátor, értékelő, annotátor, kódoló",
        "label": "třída, štítek, kategorie, emoce, kategória, trieda, címke, osztály, érzelem, diagnóza, druh",
        "truth": "pravda, igazság",
        "agreed": "konsenzus, většina, väčšina, többség",
        "confidence": "jistota, istota, bizonyosság",
        "about": "věk, vek, pohlaví, pohlavie, pacient, nemocnice, poznámka, életkor, kor, nem, beteg, kórház, "
        "megjegyzés",
        "train": "trénink, trénovací, tréning, tréningová, tanító, tanítás",
        "test": "testovací, validační, validácia, testovacia, teszt, validáció",
        "no answer": "nevím, neviem, bez odpovědi, bez odpovede, přeskočeno, neznámé, nem tudom, nincs válasz, "
        "ismeretlen",
        "yes": "ano, áno, igen",
        "no": "ne, nie, nem",
    },
    "Russian and Ukrainian": {
        "image": "изображение, файл, имя файла, картинка, снимок, фото, зображення",
        "coder": "аннотатор, разметчик, эксперт, оценщик, асессор, ассессор, врач, рентгенолог, участник, "
        "наблюдатель, рецензент, анотатор, оцінювач",
        "label": "метка, класс, категория, эмоция, выражение, диагноз, вид, ответ, разметка, мітка, клас, категорія, "
        "емоція",
        "truth": "истина, эталон, правильный ответ, истинная метка, істина",
        "agreed": "консенсус, большинство, голос большинства, итог, итоговая метка",
        "confidence": "уверенность, впевненість",
        "source": "источник, набор данных, датасет, джерело",
        "about": "возраст, пол, пациент, номер пациента, больница, центр, клиника, дата, время, длительность, "
        "комментарий, примечание, заметка, устройство, страна, язык, ширина, высота, номер, вік, стать, пацієнт, "
        "лікарня",
        "train": "обучение, обучающая, обучающий, тренировка, тренировочная, тренировочный, навчання, навчальна, "
        "тренувальна",
        "test": "тест, тестовая, тестовый, тестирование, проверка, проверочная, валидация, валидационная, "
        "контрольная, тестова, перевірка, валідація",
        "none": "ничего, немає",
        "no answer": "не знаю, неизвестно, нет ответа, пропуск, пропущено, непонятно, неясно, затрудняюсь ответить, "
        "без ответа, не применимо, не уверен, невідомо",
        "excluded": "исключен, исключён, отклонено",
        "yes": "да, так",
        "no": "нет, ні",
    },
    "Greek": {
        "image": "εικόνα, αρχείο",
        "coder": "αξιολογητής, σχολιαστής",
        "label": "ετικέτα, κατηγορία, κλάση, συναίσθημα, διάγνωση",
        "about": "ηλικία, φύλο, ασθενής, νοσοκομείο, ημερομηνία, σχόλιο",
        "train": "εκπαίδευση",
        "test": "δοκιμή, έλεγχος, επικύρωση",
        "no answer": "δεν ξέρω, άγνωστο",
        "yes": "ναι",
        "no": "όχι",
    },
    "Turkish": {
        "image": "görüntü, resim, görsel, dosya, dosya adı, fotoğraf",
        "coder": "değerlendirici, değerlendiren, etiketleyen, etiketleyici, kodlayıcı, uzman, hekim, katılımcı, "
        "gözlemci",
        "label": "sınıf, etiket, kategori, duygu, ifade, yüz ifadesi, tanı, teşhis, tür, yanıt, cevap",
        "truth": "gerçek, gerçek etiket, doğru cevap, referans",
        "agreed": "uzlaşı, uzlaşma, çoğunluk, çoğunluk oyu",
        "confidence": "güven, eminlik",
        "source": "kaynak, veri kümesi, veri seti",
        "about": "yaş, cinsiyet, hasta, hasta no, hastane, merkez, klinik, tarih, saat, süre, açıklama, yorum, not, "
        "cihaz, ülke, dil, genişlik, yükseklik, numara",
        "train": "eğitim",
        "test": "doğrulama, sınama",
        "none": "yok, hiçbiri, boş",
        "no answer": "bilmiyorum, bilinmiyor, atla, atlandı, cevap yok, belirsiz, emin değilim",
        "yes": "evet",
        "no": "hayır",
    },
    "Arabic, Persian and Hebrew": {
        "image": "صورة, الصورة, ملف, اسم الملف, تصویر, فایل, תמונה, קובץ",
        "coder": "مقيم, المقيم, معلق, خبير, طبيب, مراقب, مشارك, ارزیاب, برچسب‌زن, מתייג, מעריך",
        "label": "تصنيف, التصنيف, فئة, الفئة, تسمية, وسم, عاطفة, شعور, تشخيص, إجابة, برچسب, دسته, احساس, תווית, רגש, "
        "מחלקה",
        "truth": "الحقيقة, حقيقة, الإجابة الصحيحة, حقیقت, אמת",
        "agreed": "إجماع, الإجماع, أغلبية, الأغلبية, اجماع, קונצנזוס",
        "confidence": "ثقة, الثقة, اطمینان, ביטחון",
        "source": "مصدر, المصدر, مجموعة البيانات, منبع, מקור",
        "about": "العمر, عمر, الجنس, مريض, المريض, مستشفى, المستشفى, تاريخ, التاريخ, وقت, ملاحظة, ملاحظات, تعليق, "
        "سن, جنسیت, بیمار, גיל, מין, מטופל, תאריך, הערה",
        "train": "تدريب, التدريب, آموزش, آموزشی, אימון",
        "test": "اختبار, الاختبار, آزمون, آزمایش, اعتبارسنجی, בדיקה, מבחן",
        "no answer": "لا أعرف, لا اعرف, غير معروف, غير واضح, تخطي, بدون إجابة, لا ينطبق, نمی‌دانم, نامشخص, לא יודע, "
        "לא ידוע",
        "yes": "نعم, بله, כן",
        "no": "لا, خیر, לא",
    },
    "Chinese": {
        "image": "图片, 图像, 文件名, 文件, 影像, 照片, 图片名, 圖片, 圖像, 檔名, 檔案",
        "coder": "标注者, 标注员, 标注人, 标记者, 评价者, 评估者, 评分者, 评分员, 专家, 医生, 医师, 阅片者, 参与者, "
        "观察者, 標註者, 標記者, 評估者, 評分者, 專家, 醫師",
        "label": "标签, 类别, 分类, 情绪, 表情, 情感, 诊断, 物种, 答案, 标注, 類別, 標籤, 分類, 情緒, 診斷, 物種, 標註",
        "truth": "真值, 真实标签, 标准答案, 金标准, 真實標籤, 標準答案",
        "agreed": "共识, 多数, 多数票, 最终标签, 共識, 多數, 最終標籤",
        "confidence": "置信度, 把握, 信心, 确信度",
        "source": "来源, 数据集, 来源库, 來源, 資料集, 數據集",
        "about": "年龄, 性别, 患者, 患者编号, 病人, 病人编号, 医院, 中心, 科室, 日期, 时间, 用时, 备注, 说明, 评论, "
        "设备, 相机, 国家, 语言, 宽度, 高度, 编号, 序号, 年齡, 性別, 患者編號, 醫院, 時間, 備註, 編號",
        "train": "训练, 训练集, 訓練, 訓練集",
        "test": "测试, 测试集, 验证, 验证集, 測試, 測試集, 驗證, 驗證集",
        "none": "无, 無, 空",
        "no answer": "不知道, 不确定, 不確定, 无法判断, 無法判斷, 不明, 未知, 跳过, 跳過, 不清楚, 未标注, 未回答",
        "yes": "是",
        "no": "否, 不是",
    },
    "Japanese": {
        "image": "画像, 画像名, ファイル, ファイル名, 写真",
        "coder": "評価者, 評定者, アノテーター, アノテータ, ラベラー, 作業者, 読影者, 読影医, 医師, 専門家, 参加者, "
        "観察者, 回答者, 注釈者",
        "label": "ラベル, 感情, クラス, 分類, カテゴリ, カテゴリー, 表情, 診断, 種, 種名, 回答, 判定",
        "truth": "正解, 正解ラベル, 真値, 真のラベル",
        "agreed": "合意, 多数決, 最終ラベル, 最終判定",
        "confidence": "確信度, 信頼度, 自信",
        "source": "データセット, 出典, 情報源",
        "about": "年齢, 性別, 患者, 患者id, 患者番号, 病院, 施設, 日付, 日時, 時間, 時刻, 備考, コメント, メモ, "
        "機器, 国, 言語, 幅, 高さ, 番号",
        "train": "学習, 訓練, トレーニング",
        "test": "テスト, 検証, 評価",
        "none": "なし, 無し",
        "no answer": "わからない, 分からない, わかりません, 不明, スキップ, 無回答, 判定不能, 該当なし, 未回答",
        "yes": "はい",
        "no": "いいえ",
    },
    "Korean": {
        "image": "이미지, 파일, 파일명, 그림, 사진, 영상",
        "coder": "평가자, 라벨러, 어노테이터, 주석자, 작업자, 판독자, 판독의, 의사, 전문가, 참가자, 관찰자, 응답자",
        "label": "라벨, 레이블, 클래스, 범주, 분류, 감정, 표정, 진단, 종, 응답, 답변",
        "truth": "정답, 참값, 실제 라벨",
        "agreed": "합의, 다수결, 최종 라벨",
        "confidence": "확신도, 신뢰도",
        "source": "데이터셋, 출처",
        "about": "나이, 연령, 성별, 환자, 환자번호, 병원, 기관, 날짜, 일시, 시간, 비고, 메모, 의견, 장비, 국가, "
        "언어, 너비, 높이, 번호",
        "train": "훈련, 학습",
        "test": "테스트, 시험, 검증, 평가",
        "none": "없음",
        "no answer": "모름, 모르겠음, 모르겠다, 건너뜀, 알 수 없음, 무응답, 판단 불가, 해당 없음",
        "yes": "예, 네",
        "no": "아니오, 아니요",
    },
    "Indonesian and Vietnamese": {
        "image": "gambar, berkas, ảnh, hình ảnh, tệp",
        "coder": "penilai, anotator, người đánh giá, người gán nhãn",
        "label": "kelas, kategori, emosi, nhãn, lớp, cảm xúc, chẩn đoán",
        "about": "usia, umur, jenis kelamin, pasien, rumah sakit, tanggal, catatan, tuổi, giới tính, bệnh nhân, "
        "ghi chú",
        "train": "pelatihan, latih, huấnluyện",
        "test": "uji, pengujian, validasi, kiểmtra, kiểmthử",
        "no answer": "tidak tahu, tidak jelas, không biết, không rõ",
        "yes": "ya",
        "no": "tidak",
    },
}
PLAIN = str.maketrans({"ß": "ss", "ł": "l", "ı": "i", "ø": "o", "æ": "ae", "đ": "d"})
WRITTEN_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa"})


def phrases(text: str) -> tuple[str, ...]:
    """The words of a list with commas.

    >>> phrases("not sure, skip")
    ('not sure', 'skip')
    """
    return tuple(part for p in text.split(",") if (part := p.strip()))


def elsewhere(kind: str) -> tuple[str, ...]:
    """The words of a kind in all these languages, in lower case, also as they are written without accents.

    >>> [w for w in elsewhere("yes") if w.startswith("s")]
    ['sí', 'si', 'sim']
    """
    words = [w for spoken in WORDS.values() for w in phrases(spoken.get(kind, ""))]
    return tuple(dict.fromkeys(form for w in words for form in (w, *_without_accents(w))))


def _without_accents(word: str) -> list[str]:
    """The word as keyboards without its accents write it: für → fur, fuer. Other scripts stay as they are."""
    if not re.search("[a-z]", word):
        return []
    bare = "".join(c for c in unicodedata.normalize("NFD", word.translate(PLAIN)) if not unicodedata.combining(c))
    return [form for form in (bare, word.translate(WRITTEN_OUT)) if form != word]
